// Step or table by look-up: y = table[c][acc - LO].
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8, LO = -128, SIZE = 256;
//     typedef ap_int<8> in_t;  typedef ap_uint<8> out_t;
//   };
//
// Tables are per channel (row c; element pe of word i is channel (i * PE + pe) mod CHANNELS) or, with
// CHANNELS = 1, shared by all lanes through a ROM with one port per lane.
// Schedule: II = 1, FOLDS words in and out.
#ifndef ISOBIT_LOOKUP_HPP
#define ISOBIT_LOOKUP_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void lookup(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
            hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
            const typename rom_of<typename Cfg::out_t>::type (&table)[Cfg::CHANNELS][Cfg::SIZE]) {
  static const int PORTS = min_of(Cfg::PE, Cfg::CHANNELS);
#pragma HLS ARRAY_PARTITION variable=table cyclic factor=PORTS dim=1
#pragma HLS BIND_STORAGE variable=table type=rom_np
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::PE), "a word is a share of a sample, or whole ones");
  static_assert(Cfg::CHANNELS % PORTS == 0 && Cfg::FOLDS * Cfg::PE % Cfg::CHANNELS == 0,
                "a frame holds every channel equally often");

  int first = 0;  // channel of lane 0
  for (int fold = 0; fold < Cfg::FOLDS; ++fold) {
#pragma HLS PIPELINE II=1
    const lanes<typename Cfg::in_t, Cfg::PE> acc = in.read();
    lanes<typename Cfg::out_t, Cfg::PE> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const int c = channel_of<Cfg::CHANNELS, Cfg::PE>(first, pe);
      ISOBIT_CHANNEL(Cfg::CHANNELS == 1 ? pe : c);
      const int index = acc[pe].to_int() - Cfg::LO;
      ISOBIT_INDEX(index, Cfg::SIZE);
      y[pe] = from_rom<typename Cfg::out_t>(table[c][index]);
    }
    out.write(y);
    first = first + Cfg::PE >= Cfg::CHANNELS ? 0 : first + Cfg::PE;
  }
}

}  // namespace isobit

#endif
