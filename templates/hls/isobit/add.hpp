// Sum of two streams with integer coefficients: y = ka[c] * a + kb[c] * b.
//
//   struct join1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8;
//     typedef ap_int<8> a_t, b_t;  typedef ap_int<6> ka_t, kb_t;  typedef ap_int<15> out_t;
//   };
//
// Coefficients are per channel (row c; element pe of word i is channel (i * PE + pe) mod CHANNELS) or, with
// CHANNELS = 1, per tensor. Schedule: II = 1, FOLDS words in from either side and out.
#ifndef ISOBIT_ADD_HPP
#define ISOBIT_ADD_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void add(hls::stream<lanes<typename Cfg::a_t, Cfg::PE> >& in_a, hls::stream<lanes<typename Cfg::b_t, Cfg::PE> >& in_b,
         hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
         const typename rom_of<typename Cfg::ka_t>::type (&ka)[Cfg::CHANNELS],
         const typename rom_of<typename Cfg::kb_t>::type (&kb)[Cfg::CHANNELS]) {
  static const int PORTS = min_of(Cfg::PE, Cfg::CHANNELS);
#pragma HLS ARRAY_RESHAPE variable=ka cyclic factor=PORTS dim=1
#pragma HLS ARRAY_RESHAPE variable=kb cyclic factor=PORTS dim=1
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::PE), "a word is a share of a sample, or whole ones");
  static_assert(Cfg::CHANNELS % PORTS == 0 && Cfg::FOLDS * Cfg::PE % Cfg::CHANNELS == 0,
                "a frame holds every channel equally often");
  static const int WIDTH = 1 + max_of(product_width<typename Cfg::a_t, typename Cfg::ka_t>::VALUE,
                                      product_width<typename Cfg::b_t, typename Cfg::kb_t>::VALUE);

  int first = 0;  // channel of lane 0
  for (int fold = 0; fold < Cfg::FOLDS; ++fold) {
#pragma HLS PIPELINE II=1
    const lanes<typename Cfg::a_t, Cfg::PE> a = in_a.read();
    const lanes<typename Cfg::b_t, Cfg::PE> b = in_b.read();
    lanes<typename Cfg::out_t, Cfg::PE> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const int c = channel_of<Cfg::CHANNELS, Cfg::PE>(first, pe);
      typename working<WIDTH>::type sum = from_rom<typename Cfg::ka_t>(ka[c]) * a[pe];
      sum += from_rom<typename Cfg::kb_t>(kb[c]) * b[pe];
      ISOBIT_CHANNEL(Cfg::CHANNELS == 1 ? pe : c);
      y[pe] = typename Cfg::out_t(sum);
    }
    out.write(y);
    first = first + Cfg::PE >= Cfg::CHANNELS ? 0 : first + Cfg::PE;
  }
}

}  // namespace isobit

#endif
