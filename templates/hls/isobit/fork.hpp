// Duplicates a stream.
//
//   struct fork1 { static const int WORDS = 8, LANES = 4; typedef ap_int<8> elem_t; };
//
// Schedule: II = 1, WORDS words in, and out on both sides. The side that joins earlier needs the FIFO depth.
#ifndef ISOBIT_FORK_HPP
#define ISOBIT_FORK_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void fork(hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& in,
          hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& out_a,
          hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& out_b) {
  for (int i = 0; i < Cfg::WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::elem_t, Cfg::LANES> word = in.read();
    out_a.write(word);
    out_b.write(word);
  }
}

}  // namespace isobit

#endif
