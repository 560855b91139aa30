// A pool of threads for independent pieces of one batch.
//
// Sentences do not depend on each other, so a piece runs the whole network for a few of them and
// threads meet only once a step. The pool is our own because libtorch's runs one loop per operator.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ardiff::cpu {

class ThreadPool {
  public:
    // Throws where the machine refuses a thread.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int size() const { return static_cast<int>(workers_.size()) + 1; }

    // Calls piece(index, thread) for index 0..pieces-1, thread in 0..size()-1, and waits for all.
    // The calling thread takes part. One caller at a time; others wait. The first exception is
    // rethrown when all pieces have ended.
    void run(int pieces, const std::function<void(int piece, int thread)>& piece);

  private:
    void stop();
    void work(int thread);
    void take(int thread);

    std::vector<std::thread> workers_;
    std::mutex caller_;
    std::mutex mutex_;
    std::condition_variable start_, done_;
    const std::function<void(int, int)>* piece_ = nullptr;
    int pieces_ = 0, next_ = 0, busy_ = 0;
    unsigned generation_ = 0;
    bool stop_ = false;
    std::exception_ptr error_;
};

}  // namespace ardiff::cpu
