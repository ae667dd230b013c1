// Matrix times vector where all weights are constants of the logic: y = W x as additions, each sum that is shared made once.
//
//   struct fc1 {
//     static const int IN = 16, OUT = 64, VECTORS = 1, ADDERS = 600, DEPTH = 6;
//     typedef ap_int<8> in_t;  typedef ap_int<20> sum_t;  typedef ap_int<16> acc_t;
//     typedef ap_uint<10> node_t;  typedef ap_int<6> form_t;  typedef ap_int<11> tap_t;
//   };
//
// Node n is input n, and node IN + n the sum of the nodes adders[n] = {a, b}: with forms[n] = {shift, sign, bits, depth},
// (a << -shift) + sign * b where shift < 0, else a + sign * (b << shift). Output o is sign * (node << shift) of
// taps[o] = {node, shift, sign}. All indices and shifts are constants behind the unrolling: what is left is adders and
// wires. So the arrays are plain integers, and the unit is inlined into a function of its own in the top file, which
// names them: as arguments of a process they would be ports, thousands of them. sum_t holds every node, shifted as it
// is; bits and depth are for the RTL.
// Schedule: II = 1, VECTORS words in and out. Cost: ADDERS adders.
#ifndef ISOBIT_CONSTANT_DENSE_HPP
#define ISOBIT_CONSTANT_DENSE_HPP

#include "isobit/rom.hpp"
#include "isobit/types.hpp"

namespace isobit {

template <class Cfg, class Node, class Form, class Tap>
void constant_dense(hls::stream<lanes<typename Cfg::in_t, Cfg::IN> >& in,
                    hls::stream<lanes<typename Cfg::acc_t, Cfg::OUT> >& out, const Node (&adders)[Cfg::ADDERS][2],
                    const Form (&forms)[Cfg::ADDERS][4], const Tap (&taps)[Cfg::OUT][3]) {
#pragma HLS INLINE
  static_assert(Cfg::DEPTH <= Cfg::ADDERS, "an adder a level, at least");
  typedef typename working<int_traits<typename Cfg::sum_t>::WIDTH>::type sum_t;
  for (int v = 0; v < Cfg::VECTORS; ++v) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::in_t, Cfg::IN> x = in.read();
    sum_t node[Cfg::IN + Cfg::ADDERS];
#pragma HLS ARRAY_PARTITION variable=node complete
    for (int i = 0; i < Cfg::IN; ++i) {
#pragma HLS UNROLL
      node[i] = x[i];
    }
    for (int n = 0; n < Cfg::ADDERS; ++n) {
#pragma HLS UNROLL
      const int shift = int(forms[n][0]);
      sum_t a = node[int(adders[n][0])], b = node[int(adders[n][1])];
      if (shift < 0) a <<= unsigned(-shift);
      if (shift > 0) b <<= unsigned(shift);
      if (forms[n][1] > 0) {
        a += b;
      } else {
        a -= b;
      }
      node[Cfg::IN + n] = a;
    }
    lanes<typename Cfg::acc_t, Cfg::OUT> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int o = 0; o < Cfg::OUT; ++o) {
#pragma HLS UNROLL
      sum_t term = node[int(taps[o][0])], sum = 0;
      term <<= unsigned(int(taps[o][1]));
      if (taps[o][2] > 0) sum += term;
      if (taps[o][2] < 0) sum -= term;
      y[o] = typename Cfg::acc_t(sum);
    }
    out.write(y);
  }
}

}  // namespace isobit

#endif
