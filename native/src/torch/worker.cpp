#include "torch/worker.h"

#include <ATen/Parallel.h>

#include <utility>

namespace ardiff::portable {

Worker::Worker(int threads) : thread_([this, threads] { work(threads); }) {}

Worker::~Worker() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    start_.notify_one();
    thread_.join();
}

void Worker::run(const std::function<void()>& job) {
    const std::lock_guard turn(caller_);
    std::unique_lock lock(mutex_);
    job_ = &job;
    start_.notify_one();
    done_.wait(lock, [this] { return job_ == nullptr; });
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Worker::work(int threads) {
    at::set_num_threads(threads);
    std::unique_lock lock(mutex_);
    while (true) {
        start_.wait(lock, [this] { return stop_ || job_ != nullptr; });
        if (stop_) return;
        try {
            (*job_)();
        } catch (...) {
            error_ = std::current_exception();
        }
        job_ = nullptr;
        done_.notify_one();
    }
}

}  // namespace ardiff::portable
