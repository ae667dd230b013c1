// Two products that share an operand by one multiplication, as one DSP48 does it: (high * 2^SHIFT + low) * shared.
//
// Summed over up to CHAIN pairs that is H * 2^SHIFT + L, with H and L the sums of the upper and of the lower products. L
// fits SHIFT signed bits; with half of 2^SHIFT added it is not negative, so what is above the low SHIFT bits is H, and
// they are L and that half. The half is where a sum begins (a DSP48 adds it at its post-adder), so that a negative L,
// which borrows from H, costs no adder of its own.
//
// Multiplication, addition and the operands' sum are left to Vitis HLS as one expression, which it maps to one DSP48 with
// its pre-adder and, along a chain, its post-adder: BIND_OP would bind the multiplication alone.
//
// A DSP48E2 multiplies 27 x 18 signed bits: two operands of 8 bits lie 18 bits apart; a DSP48E1 25 x 18: 16 bits apart.
#ifndef ISOBIT_PACKED_HPP
#define ISOBIT_PACKED_HPP

#include "isobit/types.hpp"

namespace isobit {

namespace detail {
// The least and the greatest value of T.
template <class T>
constexpr long long least_of() {
  return int_traits<T>::SIGNED ? -(1LL << (int_traits<T>::WIDTH - 1)) : 0;
}
template <class T>
constexpr long long greatest_of() {
  return (1LL << (int_traits<T>::WIDTH - (int_traits<T>::SIGNED ? 1 : 0))) - 1;
}
constexpr long long lower_of(long long a, long long b) { return a < b ? a : b; }
constexpr long long higher_of(long long a, long long b) { return a < b ? b : a; }

template <class A, class B>
constexpr long long least_product() {
  return lower_of(lower_of(least_of<A>() * greatest_of<B>(), least_of<B>() * greatest_of<A>()),
                  lower_of(least_of<A>() * least_of<B>(), greatest_of<A>() * greatest_of<B>()));
}
template <class A, class B>
constexpr long long greatest_product() {
  return higher_of(least_of<A>() * least_of<B>(), greatest_of<A>() * greatest_of<B>());
}

// The types of a sum of CHAIN products of a pair of Own and one Shared; and that it comes apart again.
template <class Own, class Shared, int SHIFT, int CHAIN>
struct packing {
  static const int PAIR_WIDTH = SHIFT + int_traits<Own>::WIDTH + 1;
  static const int TOTAL_WIDTH = SHIFT + product_width<Own, Shared>::VALUE + ceil_log2(CHAIN);
  static_assert(SHIFT >= 1 && CHAIN >= 1 && PAIR_WIDTH <= 27 && signed_width<Shared>::VALUE <= 18 && TOTAL_WIDTH <= 48,
                "a DSP48 multiplies 27 by 18 bits and adds 48");
  static_assert(CHAIN * least_product<Own, Shared>() >= -(1LL << (SHIFT - 1)) &&
                    CHAIN * greatest_product<Own, Shared>() < (1LL << (SHIFT - 1)),
                "the sum of the lower products fits SHIFT bits");
  typedef typename working<PAIR_WIDTH>::type pair_t;
  typedef typename working<TOTAL_WIDTH>::type total_t;
};

// A number that a configuration has, for choosing by what there is; and a condition, for choosing by overload.
template <int N>
struct exists_number {
  typedef void type;
};
template <bool VALUE>
struct boolean {};

// The sums of N products low * shared and high * shared.
template <int SHIFT, int CHAIN, class Own, class Shared, int N, class Sum>
void two_dots(const lanes<Own, N>& low, const lanes<Own, N>& high, const lanes<Shared, N>& shared, Sum& low_sum,
              Sum& high_sum) {
#pragma HLS INLINE
  static_assert(packing<Own, Shared, SHIFT, CHAIN>::TOTAL_WIDTH <= 48, "a DSP48 adds 48 bits");
  low_sum = 0;
  high_sum = 0;
#if defined(ISOBIT_NATIVE) && !defined(ISOBIT_CHECKED)
  // What the packing above is proven to give, as loops that vectorise; the other simulations pack.
  for (int i = 0; i < N; ++i) {
#pragma HLS UNROLL
    low_sum += low[i] * shared[i];
  }
  for (int i = 0; i < N; ++i) {
#pragma HLS UNROLL
    high_sum += high[i] * shared[i];
  }
#else
  typedef packing<Own, Shared, SHIFT, CHAIN> types;
  typedef typename types::pair_t pair_t;
  typedef typename types::total_t total_t;
  const pair_t unit = 1LL << SHIFT;
  const total_t half = 1LL << (SHIFT - 1), low_bits = (1LL << SHIFT) - 1;
  for (int first = 0; first < N; first += CHAIN) {
#pragma HLS UNROLL
    total_t total = half;
    for (int k = 0; k < CHAIN; ++k) {
#pragma HLS UNROLL
      if (first + k < N) {
        pair_t pair = product_of<pair_t>(high[first + k], unit);
        pair += low[first + k];
        total += product_of<total_t>(pair, shared[first + k]);
      }
    }
    total_t rest = total;
    rest &= low_bits;
    rest -= half;
    total >>= unsigned(SHIFT);
    high_sum += total;
    low_sum += rest;
  }
#endif
}
}  // namespace detail

}  // namespace isobit

#endif
