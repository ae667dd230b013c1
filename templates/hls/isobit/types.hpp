// Types every isobit template shares: the stream word, working integers, counters.
//
// Compiled by Vitis HLS (synthesis and its C simulation) and, outside Vitis, by g++ or clang++ against
// the simulation stand-ins of isobit, which define the ISOBIT_* macros below before this file does.
#ifndef ISOBIT_TYPES_HPP
#define ISOBIT_TYPES_HPP

#include <stdint.h>

#include "ap_int.h"
#include "hls_stream.h"

#ifndef ISOBIT_LAYER
#define ISOBIT_LAYER(name)         // names the layer a checked simulation reports
#define ISOBIT_CHANNEL(channel)    // names the channel a checked simulation reports
#define ISOBIT_INDEX(index, size)  // checked simulation: 0 <= index < size, or stop
#define ISOBIT_TAP(name, stream)   // tapped simulation: records the stream's content, undisturbed
#endif
#ifndef ISOBIT_PROCESS
#define ISOBIT_DATAFLOW                        // the bounded simulation runs the processes that follow side by side
#define ISOBIT_PROCESS(name, ...) __VA_ARGS__  // a call of the dataflow region
#endif

namespace isobit {

// One stream word: N elements that travel together.
template <class T, int N>
struct lanes {
  static_assert(N >= 1, "a word holds at least one element");
  T data[N];

  T& operator[](int lane) { return data[lane]; }
  const T& operator[](int lane) const { return data[lane]; }
};

// A row of a two-dimensional array as a word, and back. Memories are arrays of elements, reshaped along their rows, and
// not of words: an array of structs is aggregated, which stops at 4096 bits, and takes no DEPENDENCE pragma.
template <class T, int N>
inline lanes<T, N> word_of(const T (&row)[N]) {
#pragma HLS INLINE
  lanes<T, N> word;
  for (int l = 0; l < N; ++l) {
#pragma HLS UNROLL
    word[l] = row[l];
  }
  return word;
}

template <class T, int N>
inline void keep(const lanes<T, N>& word, T (&row)[N]) {
#pragma HLS INLINE
  for (int l = 0; l < N; ++l) {
#pragma HLS UNROLL
    row[l] = word[l];
  }
}

constexpr int min_of(int a, int b) { return a < b ? a : b; }
constexpr int max_of(int a, int b) { return a < b ? b : a; }
constexpr int gcd(int a, int b) { return b == 0 ? a : gcd(b, a % b); }

// Bits needed to number n things: 0 for one, 1 for two, 2 for three or four.
constexpr int ceil_log2(long long n) { return n <= 1 ? 0 : 1 + ceil_log2((n + 1) / 2); }

// Width and sign of ap_int and ap_uint.
template <class T>
struct int_traits;
template <int W>
struct int_traits<ap_int<W> > {
  static const int WIDTH = W;
  static const bool SIGNED = true;
};
template <int W>
struct int_traits<ap_uint<W> > {
  static const int WIDTH = W;
  static const bool SIGNED = false;
};

template <int W, bool SIGNED>
struct any_int {
  typedef ap_int<W> type;
};
template <int W>
struct any_int<W, false> {
  typedef ap_uint<W> type;
};

// Width of T's values as signed integers.
template <class T>
struct signed_width {
  static const int VALUE = int_traits<T>::WIDTH + (int_traits<T>::SIGNED ? 0 : 1);
};

// Whether T holds a value.
template <class T>
constexpr bool fits(long long value) {
  return value >> min_of(63, int_traits<T>::WIDTH - (int_traits<T>::SIGNED ? 1 : 0)) ==
         (int_traits<T>::SIGNED && value < 0 ? -1 : 0);
}

// Width of a product of A and B as a signed integer: one bit more where both are unsigned.
template <class A, class B>
struct product_width {
  static const int VALUE =
      int_traits<A>::WIDTH + int_traits<B>::WIDTH + (int_traits<A>::SIGNED || int_traits<B>::SIGNED ? 0 : 1);
};

// A signed integer of at least W bits for sums whose width is proven at compile time: exactly W bits in
// hardware, the machine's own word in native simulation, which then vectorises.
template <int W>
struct working {
#ifdef ISOBIT_NATIVE
  typedef typename ap_native::builtin_of<W>::type type;
#else
  typedef ap_int<W> type;
#endif
};

// a * b in a T that holds it. Of a * b itself ap_int makes two factors as wide as the product, which the open ap_types
// multiply on the heap where that is over 32 bits; the low bits are the same however wide the factors are. Sums, too, are
// best made in place in a T: an operator of two types has a dozen others for results, and each is compiled. So are shifts,
// by an unsigned distance: by a signed one ap_int shifts either way.
template <class T, class A, class B>
inline T product_of(const A& a, const B& b) {
#pragma HLS INLINE
#ifdef ISOBIT_NATIVE
  return T(a * b);
#else
  T product = a;
  product *= b;
  return product;
#endif
}

// A counter of -MAX .. MAX, of so many bits in hardware and the machine's word in simulation.
template <int MAX>
struct counter {
#ifdef __SYNTHESIS__
  typedef ap_int<ceil_log2(MAX + 1LL) + 1> type;
#else
  typedef int type;
#endif
};

// The next of 0 .. size - 1, round and round.
template <class T>
inline T successor(const T& count, int size) {
#pragma HLS INLINE
  return count == size - 1 ? T(0) : T(count + 1);
}

// Whether words of PE elements keep channels in their places: a share of a sample's channels, or whole samples.
constexpr bool whole_samples(int channels, int pe) { return channels % pe == 0 || pe % channels == 0; }

}  // namespace isobit

#endif
