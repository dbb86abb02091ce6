// Scratch spaces that callers borrow and give back, without locks: as many come to exist as there are callers
// at once.
#pragma once
#include <new>

#include "core/memory.h"

namespace maque {

/// W is default-constructible and has `int64_t bytes() const`, the memory that it owns.
/// The pool keeps up to kKept idle spaces; beyond that many callers at once, spaces are made and dropped by
/// each call.
template <class W>
class WorkspacePool {
 public:
  WorkspacePool() = default;
  WorkspacePool(const WorkspacePool&) = delete;
  WorkspacePool& operator=(const WorkspacePool&) = delete;
  /// No space may be borrowed any more.
  ~WorkspacePool() {
    for (Node*& idle : idle_) destroy(idle);
  }

  /// A space of nobody else's, or null where memory runs out. Its contents are whatever the last borrower
  /// left.
  W* acquire() {
    for (Node*& idle : idle_) {
      if (__atomic_load_n(&idle, __ATOMIC_RELAXED) == nullptr) continue;
      Node* taken = __atomic_exchange_n(&idle, static_cast<Node*>(nullptr), __ATOMIC_ACQUIRE);
      if (taken != nullptr) return &taken->workspace;
    }
    void* block = allocate(static_cast<int64_t>(sizeof(Node)));
    if (block == nullptr) return nullptr;
    Node* made = new (block) Node;
    count(made);
    return &made->workspace;
  }

  void release(W* workspace) {
    // `workspace` is the first member of its node.
    Node* node = reinterpret_cast<Node*>(workspace);
    count(node);
    for (Node*& idle : idle_) {
      Node* none = nullptr;
      if (__atomic_compare_exchange_n(&idle, &none, node, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) return;
    }
    __atomic_fetch_sub(&bytes_, node->counted, __ATOMIC_RELAXED);
    destroy(node);
  }

  /// Memory of all spaces, as of when each was last given back.
  int64_t bytes() const { return __atomic_load_n(&bytes_, __ATOMIC_RELAXED); }

 private:
  struct Node {
    W workspace;
    int64_t counted = 0;
  };
  static constexpr int kKept = 64;

  void count(Node* node) {
    const int64_t bytes = static_cast<int64_t>(sizeof(Node)) + node->workspace.bytes();
    __atomic_fetch_add(&bytes_, bytes - node->counted, __ATOMIC_RELAXED);
    node->counted = bytes;
  }
  static void destroy(Node* node) {
    if (node == nullptr) return;
    node->~Node();
    maque::release(node);
  }

  Node* idle_[kKept] = {};
  int64_t bytes_ = 0;
};

/// Borrows a space for the length of a scope.
template <class W>
class Borrowed {
 public:
  explicit Borrowed(WorkspacePool<W>& pool) : pool_(pool), workspace_(pool.acquire()) {}
  ~Borrowed() {
    if (workspace_ != nullptr) pool_.release(workspace_);
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  /// False where memory ran out.
  explicit operator bool() const { return workspace_ != nullptr; }
  W* operator->() { return workspace_; }
  W& operator*() { return *workspace_; }

 private:
  WorkspacePool<W>& pool_;
  W* workspace_;
};

}  // namespace maque
