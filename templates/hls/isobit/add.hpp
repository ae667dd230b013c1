// Sum of two streams with integer coefficients: y = ka[c] * a + kb[c] * b.
//
//   struct join1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8;
//     typedef ap_int<8> a_t, b_t;  typedef ap_int<6> ka_t, kb_t;  typedef ap_int<15> out_t;
//   };
//
// Coefficients are per channel or per tensor, laid out as in per_channel.hpp.
// Schedule: II = 1, FOLDS words in from either side and out.
#ifndef ISOBIT_ADD_HPP
#define ISOBIT_ADD_HPP

#include "isobit/per_channel.hpp"
#include "isobit/types.hpp"

namespace isobit {

template <class Cfg, class A, int A_WORDS, class B, int B_WORDS>
void add(hls::stream<lanes<typename Cfg::a_t, Cfg::PE> >& in_a, hls::stream<lanes<typename Cfg::b_t, Cfg::PE> >& in_b,
         hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
         const A (&ka)[channel_rows<Cfg>::ROWS][A_WORDS], const B (&kb)[channel_rows<Cfg>::ROWS][B_WORDS]) {
#pragma HLS ARRAY_RESHAPE variable=ka complete dim=2
#pragma HLS ARRAY_RESHAPE variable=kb complete dim=2
  typedef channel_rows<Cfg> rows;
  static const int WIDTH = 1 + max_of(product_width<typename Cfg::a_t, typename Cfg::ka_t>::VALUE,
                                      product_width<typename Cfg::b_t, typename Cfg::kb_t>::VALUE);
  typedef typename working<WIDTH>::type sum_t;

  typename rows::row_t row = 0;
  for (int fold = 0; fold < Cfg::FOLDS; ++fold) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::a_t, Cfg::PE> a = in_a.read();
    const lanes<typename Cfg::b_t, Cfg::PE> b = in_b.read();
    lanes<typename Cfg::out_t, Cfg::PE> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const int lane = pe % rows::LANES;
      sum_t sum = product_of<sum_t>(channel_constant<Cfg, typename Cfg::ka_t>(ka[row], lane), a[pe]);
      sum += product_of<sum_t>(channel_constant<Cfg, typename Cfg::kb_t>(kb[row], lane), b[pe]);
      ISOBIT_CHANNEL(rows::channel(row, pe));
      y[pe] = typename Cfg::out_t(sum);
    }
    out.write(y);
    row = successor(row, rows::ROWS);
  }
}

}  // namespace isobit

#endif
