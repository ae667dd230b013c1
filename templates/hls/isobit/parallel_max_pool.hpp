// Maximum of SAMPLES whole windows a cycle, channel by channel.
//
//   struct pool1 {
//     static const int SAMPLES = 4, CHANNELS = 8, KH = 2, KW = 2, SW = 2, DW = 1, WORDS = 64;
//     typedef ap_uint<4> elem_t;
//   };
//
// A word in is a block (block.hpp), a word out SAMPLES * CHANNELS maxima.
// Schedule: II = 1, WORDS words in and out. Cost: SAMPLES * (TAPS - 1) * CHANNELS comparators.
#ifndef ISOBIT_PARALLEL_MAX_POOL_HPP
#define ISOBIT_PARALLEL_MAX_POOL_HPP

#include "isobit/block.hpp"
#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void parallel_max_pool(hls::stream<lanes<typename Cfg::elem_t, block<Cfg>::LANES> >& in,
                       hls::stream<lanes<typename Cfg::elem_t, Cfg::SAMPLES * Cfg::CHANNELS> >& out) {
  for (int i = 0; i < Cfg::WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::elem_t, block<Cfg>::LANES> x = in.read();
    lanes<typename Cfg::elem_t, Cfg::SAMPLES * Cfg::CHANNELS> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int p = 0; p < Cfg::SAMPLES; ++p) {
#pragma HLS UNROLL
      for (int c = 0; c < Cfg::CHANNELS; ++c) {
#pragma HLS UNROLL
        typename Cfg::elem_t best = x[block<Cfg>::lane(p, 0) + c];
        for (int tap = 1; tap < block<Cfg>::TAPS; ++tap) {
#pragma HLS UNROLL
          if (x[block<Cfg>::lane(p, tap) + c] > best) best = x[block<Cfg>::lane(p, tap) + c];
        }
        y[p * Cfg::CHANNELS + c] = best;
      }
    }
    out.write(y);
  }
}

}  // namespace isobit

#endif
