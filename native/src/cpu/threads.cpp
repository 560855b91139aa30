#include "cpu/threads.h"

#include <system_error>

#include "core/error.h"

namespace ardiff::cpu {

ThreadPool::ThreadPool(int threads) {
    for (int t = 1; t < threads; ++t) {
        try {
            workers_.emplace_back([this, t] { work(t); });
        } catch (const std::system_error&) {
            stop();
            throw Error(
                ARDIFF_OUT_OF_MEMORY,
                format("This machine refuses thread %d of %d: ask for fewer", t + 1, threads));
        }
    }
}

ThreadPool::~ThreadPool() { stop(); }

// Threads that wait must end before what they wait for.
void ThreadPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    start_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(int pieces, const std::function<void(int, int)>& piece) {
    const std::lock_guard caller(caller_);
    {
        const std::lock_guard lock(mutex_);
        piece_ = &piece;
        pieces_ = pieces;
        next_ = 0;
        busy_ = static_cast<int>(workers_.size());
        error_ = nullptr;
        ++generation_;
    }
    start_.notify_all();
    take(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    piece_ = nullptr;
    if (error_) std::rethrow_exception(error_);
}

void ThreadPool::take(int thread) {
    for (;;) {
        int index;
        {
            const std::lock_guard lock(mutex_);
            if (next_ >= pieces_) return;
            index = next_++;
        }
        try {
            (*piece_)(index, thread);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!error_) error_ = std::current_exception();
        }
    }
}

void ThreadPool::work(int thread) {
    unsigned seen = 0;
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            start_.wait(lock, [&] { return stop_ || generation_ != seen; });
            if (stop_) return;
            seen = generation_;
        }
        take(thread);
        {
            const std::lock_guard lock(mutex_);
            --busy_;
        }
        done_.notify_one();
    }
}

}  // namespace ardiff::cpu
