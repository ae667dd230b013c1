// Dot products with weights of -1 and 1, stored as one bit each: w = 2 v - 1, so that the sum of w * x is twice the sum of
// the x that v selects, less the sum of all x. No multiplier, and the sum of all is one for all outputs.
//
// Inputs of one bit make it a count of bits: that of v & x where -1 and 1 are stored as 0 and 1 on both sides, which is
// the XNOR of a network of -1 and 1 with its constant moved into the thresholds behind.
#ifndef ISOBIT_BIPOLAR_HPP
#define ISOBIT_BIPOLAR_HPP

#include "isobit/rom.hpp"
#include "isobit/types.hpp"

namespace isobit {

namespace detail {
// The sum of N terms, three at a time: three bits, with what selects each, are the inputs of one LUT.
template <class Sum, class T, int N>
Sum sum_of(const lanes<T, N>& terms) {
#pragma HLS INLINE
  static const int THIRD = N / 3;
  typedef typename working<signed_width<T>::VALUE + 2>::type few_t;
  Sum sum = 0;
  for (int k = 0; k < THIRD; ++k) {
#pragma HLS UNROLL
    const few_t few = terms[k] + terms[THIRD + k] + terms[2 * THIRD + k];
    sum += few;
  }
  for (int k = 3 * THIRD; k < N; ++k) {
#pragma HLS UNROLL
    sum += terms[k];
  }
  return sum;
}

// The sums of SAMPLES inputs x with the weights of PE outputs, whose bits are v: a row of PE * SIMD (rom.hpp).
template <class Sum, class T, class Word, int SAMPLES, int PE, int SIMD, int WORDS>
void bipolar_dots(const T (&x)[SAMPLES][SIMD], const Word (&v)[WORDS], Sum (&sums)[SAMPLES][PE]) {
#pragma HLS INLINE
  for (int p = 0; p < SAMPLES; ++p) {
#pragma HLS UNROLL
    const Sum all = sum_of<Sum>(word_of(x[p]));
    for (int pe = 0; pe < PE; ++pe) {
#pragma HLS UNROLL
      lanes<T, SIMD> selected;
      for (int s = 0; s < SIMD; ++s) {
#pragma HLS UNROLL
        selected[s] = from_row<ap_uint<1>, PE * SIMD>(v, pe * SIMD + s) != 0 ? x[p][s] : T(0);
      }
      const Sum half = sum_of<Sum>(selected);
      sums[p][pe] = half + half - all;
    }
  }
}
}  // namespace detail

}  // namespace isobit

#endif
