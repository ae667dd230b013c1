// Depthwise matrix-vector unit for SAMPLES whole windows a cycle: acc[p][c] = sum over taps t of
// weight[t][c] * x[p][t][c].
//
//   struct dw1 {
//     static const int SAMPLES = 4, CHANNELS = 8, KH = 3, KW = 3, SW = 1, DW = 1, WORDS = 64;
//     typedef ap_uint<8> in_t;  typedef ap_int<4> weight_t;  typedef ap_int<16> acc_t;
//   };
//
// A word in is a block (block.hpp), a word out SAMPLES * CHANNELS sums. acc_t must hold the running sum after every
// tap. Weights: a row of CHANNELS for every tap (rom.hpp).
// Schedule: II = 1, WORDS words in and out. Cost: SAMPLES * TAPS * CHANNELS multipliers.
#ifndef ISOBIT_PARALLEL_DEPTHWISE_HPP
#define ISOBIT_PARALLEL_DEPTHWISE_HPP

#include "isobit/block.hpp"
#include "isobit/rom.hpp"
#include "isobit/types.hpp"

namespace isobit {

template <class Cfg, class Word, int WORDS>
void parallel_depthwise(
    hls::stream<lanes<typename Cfg::in_t, block<Cfg>::LANES> >& in,
    hls::stream<lanes<typename Cfg::acc_t, Cfg::SAMPLES * Cfg::CHANNELS> >& out,
    const Word (&weights)[block<Cfg>::TAPS][WORDS]) {
#pragma HLS ARRAY_PARTITION variable=weights complete dim=0
  static const int PRODUCT_WIDTH = product_width<typename Cfg::in_t, typename Cfg::weight_t>::VALUE;
  static const int SUM_WIDTH = 1 + max_of(PRODUCT_WIDTH, signed_width<typename Cfg::acc_t>::VALUE);
  typedef typename working<SUM_WIDTH>::type sum_t;

  for (int i = 0; i < Cfg::WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::in_t, block<Cfg>::LANES> x = in.read();
    lanes<typename Cfg::acc_t, Cfg::SAMPLES * Cfg::CHANNELS> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int p = 0; p < Cfg::SAMPLES; ++p) {
#pragma HLS UNROLL
      for (int c = 0; c < Cfg::CHANNELS; ++c) {
#pragma HLS UNROLL
        sum_t sum = 0;
        for (int tap = 0; tap < block<Cfg>::TAPS; ++tap) {
#pragma HLS UNROLL
          sum += product_of<sum_t>(x[block<Cfg>::lane(p, tap) + c],
                                   from_row<typename Cfg::weight_t, Cfg::CHANNELS>(weights[tap], c));
        }
        ISOBIT_CHANNEL(c);
        y[p * Cfg::CHANNELS + c] = typename Cfg::acc_t(sum);
      }
    }
    out.write(y);
  }
}

}  // namespace isobit

#endif
