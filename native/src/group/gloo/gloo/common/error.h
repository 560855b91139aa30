// Stands in for a header of gloo, which libtorch's packages leave out (see context.h).
#pragma once
