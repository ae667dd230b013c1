// Regroups a frame from words of IN_LANES elements to words of OUT_LANES, for any two widths that divide it.
//
//   struct regroup1 { static const int FRAME = 12, IN_LANES = 4, OUT_LANES = 6; typedef ap_int<8> elem_t; };
//
// A shift buffer counted in granules of gcd(IN_LANES, OUT_LANES) elements; where one width divides the other it
// is a plain serialiser or deserialiser.
// Schedule: II = 1, FRAME / min(IN_LANES, OUT_LANES) cycles; a cycle reads if less than an output word is
// buffered, and writes if at least one is.
#ifndef ISOBIT_WIDTH_CONVERTER_HPP
#define ISOBIT_WIDTH_CONVERTER_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void width_converter(hls::stream<lanes<typename Cfg::elem_t, Cfg::IN_LANES> >& in,
                     hls::stream<lanes<typename Cfg::elem_t, Cfg::OUT_LANES> >& out) {
  static_assert(Cfg::FRAME % Cfg::IN_LANES == 0 && Cfg::FRAME % Cfg::OUT_LANES == 0, "both widths divide the frame");
  static const int GRANULE = gcd(Cfg::IN_LANES, Cfg::OUT_LANES);
  static const int IN_GRANULES = Cfg::IN_LANES / GRANULE;
  static const int OUT_GRANULES = Cfg::OUT_LANES / GRANULE;
  static const int SIZE = (IN_GRANULES + OUT_GRANULES - 1) * GRANULE;

  typename Cfg::elem_t buffer[SIZE];
#pragma HLS ARRAY_PARTITION variable=buffer complete
  typedef typename counter<IN_GRANULES + OUT_GRANULES>::type granules_t;
  granules_t filled = 0;
  for (int i = 0; i < Cfg::FRAME / min_of(Cfg::IN_LANES, Cfg::OUT_LANES); ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    // What is read in a cycle counts before what is written in it. Both are known from `filled` as it was, and so is
    // the next `filled`: one of three sums.
    const bool reads = filled < OUT_GRANULES;
    const bool writes = filled >= OUT_GRANULES - IN_GRANULES;
    if (reads) {
      const lanes<typename Cfg::elem_t, Cfg::IN_LANES> word = in.read();
      for (int l = 0; l < Cfg::IN_LANES; ++l) {
#pragma HLS UNROLL
        buffer[filled * GRANULE + l] = word[l];
      }
    }
    if (writes) {
      lanes<typename Cfg::elem_t, Cfg::OUT_LANES> word;
#pragma HLS ARRAY_PARTITION variable=word.data complete
      for (int l = 0; l < Cfg::OUT_LANES; ++l) {
#pragma HLS UNROLL
        word[l] = buffer[l];
      }
      out.write(word);
      for (int l = 0; l < SIZE - Cfg::OUT_LANES; ++l) {
#pragma HLS UNROLL
        buffer[l] = buffer[l + Cfg::OUT_LANES];
      }
    }
    filled = !writes ? granules_t(filled + IN_GRANULES)
             : reads ? granules_t(filled + (IN_GRANULES - OUT_GRANULES))
                     : granules_t(filled - OUT_GRANULES);
  }
}

}  // namespace isobit

#endif
