// Step by thresholds: y = start[c] + the number of cuts t with acc >= t.
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8, LEVELS = 3;
//     typedef ap_int<16> in_t;  typedef ap_int<17> threshold_t;  typedef ap_uint<2> start_t, out_t;
//   };
//
// Parameters are per channel (row c; element pe of word i is channel (i * PE + pe) mod CHANNELS) or, with
// CHANNELS = 1, per tensor. A channel with fewer cuts repeats one that in_t never reaches.
// Schedule: II = 1, FOLDS words in and out. Cost: LEVELS comparisons per lane.
#ifndef ISOBIT_THRESHOLDS_HPP
#define ISOBIT_THRESHOLDS_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void thresholds(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                const typename rom_of<typename Cfg::start_t>::type (&start)[Cfg::CHANNELS],
                const typename rom_of<typename Cfg::threshold_t>::type (&cuts)[Cfg::CHANNELS][Cfg::LEVELS]) {
  static const int PORTS = min_of(Cfg::PE, Cfg::CHANNELS);
#pragma HLS ARRAY_RESHAPE variable=start cyclic factor=PORTS dim=1
#pragma HLS ARRAY_RESHAPE variable=cuts cyclic factor=PORTS dim=1
#pragma HLS ARRAY_RESHAPE variable=cuts complete dim=2
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::PE), "a word is a share of a sample, or whole ones");
  static_assert(Cfg::CHANNELS % PORTS == 0 && Cfg::FOLDS * Cfg::PE % Cfg::CHANNELS == 0,
                "a frame holds every channel equally often");
  typedef typename working<ceil_log2(Cfg::LEVELS + 1) + 1>::type count_t;
  // Compared as signed numbers: ap_int compares wide operands of different signs as C does, that is wrongly.
  typedef typename working<max_of(signed_width<typename Cfg::in_t>::VALUE,
                                  signed_width<typename Cfg::threshold_t>::VALUE)>::type compared_t;

  int first = 0;  // channel of lane 0
  for (int fold = 0; fold < Cfg::FOLDS; ++fold) {
#pragma HLS PIPELINE II=1
    const lanes<typename Cfg::in_t, Cfg::PE> acc = in.read();
    lanes<typename Cfg::out_t, Cfg::PE> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const int c = channel_of<Cfg::CHANNELS, Cfg::PE>(first, pe);
      const compared_t level = acc[pe];
      count_t reached = 0;
      for (int j = 0; j < Cfg::LEVELS; ++j) {
#pragma HLS UNROLL
        const compared_t cut = from_rom<typename Cfg::threshold_t>(cuts[c][j]);
        reached += level >= cut ? 1 : 0;
      }
      ISOBIT_CHANNEL(Cfg::CHANNELS == 1 ? pe : c);
      y[pe] = typename Cfg::out_t(from_rom<typename Cfg::start_t>(start[c]) + reached);
    }
    out.write(y);
    first = first + Cfg::PE >= Cfg::CHANNELS ? 0 : first + Cfg::PE;
  }
}

}  // namespace isobit

#endif
