// Matrix-vector unit whose weights are computed or sent at run time, a matrix for every frame:
// acc[o] = sum over i of weight[o][i] * x[i], for each of VECTORS inputs, which share the matrix.
//
//   struct head {
//     static const int IN = 80, OUT = 5, SIMD = 8, PE = 1, VECTORS = 1;
//     typedef ap_int<12> in_t;  typedef ap_int<12> weight_t;  typedef ap_int<31> acc_t;
//   };
//
// The weights come output by output, PE * SIMD a word, in the order in which the loop takes them: PE is 1, or SIMD is IN.
// Where there are several vectors the matrix is kept for the frame, ROWS = (OUT / PE) * (IN / SIMD) words.
// acc_t must hold the running sum after every SIMD inputs, for all that x and the weights can be.
// Schedule: II = 1, VECTORS * ROWS cycles a frame; of every ROWS cycles the first IN / SIMD read a word of x each; the
// first ROWS read a word of weights each; one word out every IN / SIMD cycles.
#ifndef ISOBIT_STREAMED_DENSE_HPP
#define ISOBIT_STREAMED_DENSE_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void streamed_dense(hls::stream<lanes<typename Cfg::in_t, Cfg::SIMD> >& in,
                    hls::stream<lanes<typename Cfg::weight_t, Cfg::PE * Cfg::SIMD> >& in_weights,
                    hls::stream<lanes<typename Cfg::acc_t, Cfg::PE> >& out) {
  static_assert(Cfg::IN % Cfg::SIMD == 0 && Cfg::OUT % Cfg::PE == 0, "SIMD divides IN, PE divides OUT");
  static_assert(Cfg::PE == 1 || Cfg::SIMD == Cfg::IN, "weights are taken in the order in which they come");
  typedef lanes<typename Cfg::in_t, Cfg::SIMD> in_word;
  typedef lanes<typename Cfg::weight_t, Cfg::PE * Cfg::SIMD> weight_word;
  static const int SF = Cfg::IN / Cfg::SIMD;
  static const int NF = Cfg::OUT / Cfg::PE;
  static const int ROWS = NF * SF;
  static const int DOT_WIDTH = product_width<typename Cfg::in_t, typename Cfg::weight_t>::VALUE + ceil_log2(Cfg::SIMD);
  static const int SUM_WIDTH = 1 + max_of(DOT_WIDTH, signed_width<typename Cfg::acc_t>::VALUE);
  typedef typename working<SUM_WIDTH>::type sum_t;

  typename Cfg::in_t vector[SF][Cfg::SIMD];  // kept for the NF passes over it
#pragma HLS ARRAY_RESHAPE variable=vector complete dim=2
  // A row is read again ROWS cycles after it was kept. A memory takes two or three cycles for that, so up to 4 rows live
  // in registers; beyond, the tool is told the distance.
  static const int KEPT = Cfg::VECTORS > 1 ? ROWS : 1;
  static const int BANKS = KEPT <= 4 ? KEPT : 1;
  static_assert(KEPT % BANKS == 0, "every bank holds as many rows");
  typename Cfg::weight_t matrix[KEPT][Cfg::PE * Cfg::SIMD];
#pragma HLS ARRAY_RESHAPE variable=matrix complete dim=2
#pragma HLS ARRAY_PARTITION variable=matrix cyclic factor=BANKS dim=1
  lanes<typename Cfg::acc_t, Cfg::PE> acc;
#pragma HLS ARRAY_PARTITION variable=acc.data complete

  typename counter<SF>::type sf = 0;
  typename counter<NF>::type nf = 0;
  typename counter<ROWS>::type row = 0;
  bool first = true;  // vector of the frame
  for (int i = 0; i < Cfg::VECTORS * ROWS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
#pragma HLS DEPENDENCE variable=matrix type=inter direction=RAW distance=ROWS dependent=true
    in_word x;
#pragma HLS ARRAY_PARTITION variable=x.data complete
    if (nf == 0) {
      x = in.read();
      keep(x, vector[sf]);
    } else {
      x = word_of(vector[sf]);
    }
    weight_word weights;
#pragma HLS ARRAY_PARTITION variable=weights.data complete
    if (Cfg::VECTORS == 1) {
      weights = in_weights.read();
    } else if (first) {
      weights = in_weights.read();
      keep(weights, matrix[row]);
    } else {
      weights = word_of(matrix[row]);
    }
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      sum_t sum = 0;
      if (sf != 0) sum = acc[pe];
      for (int s = 0; s < Cfg::SIMD; ++s) {
#pragma HLS UNROLL
        sum += product_of<sum_t>(x[s], weights[pe * Cfg::SIMD + s]);
      }
      ISOBIT_CHANNEL(nf * Cfg::PE + pe);
      acc[pe] = typename Cfg::acc_t(sum);
    }
    if (sf == SF - 1) {
      out.write(acc);
      nf = successor(nf, NF);
    }
    sf = successor(sf, SF);
    if (row == ROWS - 1) first = i == Cfg::VECTORS * ROWS - 1;
    row = successor(row, ROWS);
  }
}

}  // namespace isobit

#endif
