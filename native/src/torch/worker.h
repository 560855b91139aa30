// One thread that runs jobs for callers on any thread.
//
// libtorch keeps its number of threads, its OpenMP team and its gradient mode per calling thread,
// and callers come from changing threads: with a thread of its own a trainer or a batch always
// meets the same team.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace ardiff::portable {

class Worker {
  public:
    // `threads`: libtorch's number of CPU threads for the jobs.
    explicit Worker(int threads);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Runs `job` and waits for it; rethrows its exception. Callers take turns.
    void run(const std::function<void()>& job);

  private:
    void work(int threads);

    std::mutex caller_, mutex_;
    std::condition_variable start_, done_;
    const std::function<void()>* job_ = nullptr;
    std::exception_ptr error_;
    bool stop_ = false;
    std::thread thread_;  // last: it uses the members above
};

}  // namespace ardiff::portable
