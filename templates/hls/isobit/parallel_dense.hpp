// Matrix-vector unit for SAMPLES windows at a time, which share every weight: acc[p][o] = sum over i of
// weight[o][i] * x[p][i].
//
//   struct conv1 {
//     static const int SAMPLES = 4, CHANNELS = 8, KH = 1, KW = 5, SW = 1, DW = 1, WORDS = 64;
//     static const int OUT = 16, SIMD = 8, PE = 4;
//     typedef ap_uint<4> in_t;  typedef ap_int<4> weight_t;  typedef ap_int<14> acc_t;
//   };
//
// A word in is a block (block.hpp) with IN = KH * KW * CHANNELS inputs a window, or SAMPLES pixels where the kernel is
// one; a word out is the SAMPLES * OUT sums. Weights, acc_t, BIPOLAR and PACKED as in dense.hpp.
// Schedule: II = 1, WORDS * NF * SF cycles a frame (SF = IN / SIMD, NF = OUT / PE); of every NF * SF cycles the first
// reads a word and the last writes one.
#ifndef ISOBIT_PARALLEL_DENSE_HPP
#define ISOBIT_PARALLEL_DENSE_HPP

#include "isobit/block.hpp"
#include "isobit/dense.hpp"
#include "isobit/types.hpp"

namespace isobit {

namespace detail {
// The windows of a block one by one, SIMD inputs a word.
template <class Cfg, int SF>
void split(const lanes<typename Cfg::in_t, block<Cfg>::LANES>& word,
           typename Cfg::in_t (&windows)[Cfg::SAMPLES][SF][Cfg::SIMD]) {
#pragma HLS INLINE
  for (int p = 0; p < Cfg::SAMPLES; ++p) {
#pragma HLS UNROLL
    for (int tap = 0; tap < block<Cfg>::TAPS; ++tap) {
#pragma HLS UNROLL
      for (int c = 0; c < Cfg::CHANNELS; ++c) {
#pragma HLS UNROLL
        const int i = tap * Cfg::CHANNELS + c;
        windows[p][i / Cfg::SIMD][i % Cfg::SIMD] = word[block<Cfg>::lane(p, tap) + c];
      }
    }
  }
}
}  // namespace detail

template <class Cfg, class Word, int WORDS>
void parallel_dense(
    hls::stream<lanes<typename Cfg::in_t, block<Cfg>::LANES> >& in,
    hls::stream<lanes<typename Cfg::acc_t, Cfg::SAMPLES * Cfg::OUT> >& out,
    const Word (&weights)[Cfg::OUT / Cfg::PE * (block<Cfg>::TAPS * Cfg::CHANNELS / Cfg::SIMD)][WORDS]) {
#pragma HLS ARRAY_RESHAPE variable=weights complete dim=2
  static const int IN = block<Cfg>::TAPS * Cfg::CHANNELS;
  static_assert(IN % Cfg::SIMD == 0 && Cfg::OUT % Cfg::PE == 0, "SIMD divides the inputs, PE divides OUT");
  typedef typename detail::dense_types<Cfg>::sum_t sum_t;
  static const int SF = IN / Cfg::SIMD;
  static const int NF = Cfg::OUT / Cfg::PE;

  typename Cfg::in_t windows[Cfg::SAMPLES][SF][Cfg::SIMD];
#pragma HLS ARRAY_PARTITION variable=windows complete dim=0
  typename Cfg::acc_t acc[Cfg::SAMPLES][Cfg::PE];
#pragma HLS ARRAY_PARTITION variable=acc complete dim=0
  lanes<typename Cfg::acc_t, Cfg::SAMPLES * Cfg::OUT> result;
#pragma HLS ARRAY_PARTITION variable=result.data complete

  typename counter<SF>::type sf = 0;
  typename counter<NF>::type nf = 0;
  typename counter<NF * SF>::type row = 0;
  for (int i = 0; i < Cfg::WORDS * NF * SF; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    if (row == 0) detail::split<Cfg>(in.read(), windows);
    typename Cfg::in_t x[Cfg::SAMPLES][Cfg::SIMD];
    typename detail::dense_types<Cfg>::dot_t dots[Cfg::SAMPLES][Cfg::PE];
#pragma HLS ARRAY_PARTITION variable=x complete dim=0
#pragma HLS ARRAY_PARTITION variable=dots complete dim=0
    for (int p = 0; p < Cfg::SAMPLES; ++p) {
#pragma HLS UNROLL
      keep(word_of(windows[p][sf]), x[p]);
    }
    detail::multipliers<Cfg>::dots(x, weights[row], dots);
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      for (int p = 0; p < Cfg::SAMPLES; ++p) {
#pragma HLS UNROLL
        sum_t sum = 0;
        if (sf != 0) sum = acc[p][pe];
        sum += dots[p][pe];
        ISOBIT_CHANNEL(nf * Cfg::PE + pe);
        acc[p][pe] = typename Cfg::acc_t(sum);
        result[p * Cfg::OUT + nf * Cfg::PE + pe] = acc[p][pe];
      }
    }
    if (row == NF * SF - 1) out.write(result);
    if (sf == SF - 1) nf = successor(nf, NF);
    sf = successor(sf, SF);
    row = successor(row, NF * SF);
  }
}

}  // namespace isobit

#endif
