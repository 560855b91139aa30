# By what steps of generation are recorded as graphs (src/torch/device_graph.h): from torch 2.13 on
# by libtorch's interface for all devices, which every build of it has; before by its class for CUDA,
# which needs headers of CUDA as well. Only what compiles and links here is used. Sets
# ARDIFF_CUDA_GRAPH, and CUDA_HEADERS where that is true.
set(ARDIFF_CUDA_GRAPH FALSE)

function(find_cuda_graphs)
  if(EXISTS "${torch_root}/include/ATen/core/GraphImplInterface.h")
    message(STATUS "Step graphs: recorded by at::GraphImplInterface where libtorch has one for the device")
    return()
  endif()
  if(NOT EXISTS "${torch_root}/lib/libtorch_cuda.so" OR NOT EXISTS "${torch_root}/include/ATen/cuda/CUDAGraph.h")
    message(STATUS "Step graphs: none, this libtorch was built without CUDA")
    return()
  endif()
  file(STRINGS "${torch_root}/lib/libc10_cuda.so" runtime REGEX "^libcudart\\.so\\.[0-9]+" LIMIT_COUNT 1)
  string(REGEX MATCH "[0-9]+" major "${runtime}")
  if(NOT major)
    message(STATUS "Step graphs: none, the CUDA of this libtorch is unknown")
    return()
  endif()
  # Beside libtorch, as pip installs them, else of a toolkit.
  find_program(nvcc nvcc NO_CACHE)
  get_filename_component(nvcc "${nvcc}" REALPATH)
  get_filename_component(nvcc "${nvcc}" DIRECTORY)
  find_path(headers cuda_runtime_api.h NO_CACHE NO_DEFAULT_PATH PATHS
            "${torch_root}/../nvidia/cu${major}/include" "${torch_root}/../nvidia/cuda_runtime/include"
            "$ENV{CUDA_HOME}/include" "$ENV{CUDA_PATH}/include" "${nvcc}/../include"
            "/usr/local/cuda-${major}.0/include" "/usr/local/cuda-${major}/include" /usr/local/cuda/include)
  if(NOT headers)
    message(STATUS "Step graphs: none, no headers of CUDA ${major} were found (CUDA_HOME may name their toolkit)")
    return()
  endif()
  try_compile(works "${CMAKE_BINARY_DIR}/step_graphs" "${CMAKE_CURRENT_SOURCE_DIR}/cmake/cuda_graph.cpp"
              CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${TORCH_INCLUDE_DIRS};${headers}"
              COMPILE_DEFINITIONS -DARDIFF_CUDA_MAJOR=${major}
              # What libtorch's libraries themselves lack is not the question.
              LINK_OPTIONS -Wl,--allow-shlib-undefined
              LINK_LIBRARIES ${TORCH_LIBRARIES}
              CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
              OUTPUT_VARIABLE said)
  if(NOT works)
    message(STATUS "Step graphs: none, at::cuda::CUDAGraph does not compile and link with ${headers}:\n${said}")
    return()
  endif()
  message(STATUS "Step graphs: recorded by at::cuda::CUDAGraph, with ${headers}")
  set(ARDIFF_CUDA_GRAPH TRUE PARENT_SCOPE)
  set(CUDA_HEADERS "${headers}" PARENT_SCOPE)
endfunction()
find_cuda_graphs()
