// Matrix-vector unit: acc[o] = sum over i of weight[o][i] * x[i], folded over PE outputs and SIMD inputs, for
// each of VECTORS inputs: one of a plain dense layer, the windows (sliding_window.hpp) of a convolution, the pixels of
// a pointwise one.
//
//   struct fc1 {
//     static const int IN = 16, OUT = 64, SIMD = 4, PE = 8, VECTORS = 1;
//     typedef ap_int<8> in_t;  typedef ap_int<4> weight_t;  typedef ap_int<16> acc_t;
//   };
//
// Weights: row nf * SF + sf (SF = IN / SIMD, NF = OUT / PE) holds, for each of the PE outputs nf * PE + pe, those of inputs
// sf * SIMD .. sf * SIMD + SIMD - 1, PE * SIMD in all (rom.hpp). With a code_t and a RUN they are tapered codes
// (tapered.hpp), and weight_t is the type of what these stand for.
// acc_t must hold the running sum after every SIMD inputs, not only the last one.
// With a BIPOLAR weights are bits that stand for -1 and 1 (bipolar.hpp), and weight_t is ap_uint<1>.
// With a PACKED (bits between them) and a CHAIN two outputs share a multiplier at every input (packed.hpp).
// Schedule: II = 1, VECTORS * SF * NF cycles a frame, no cycle lost between vectors; of every SF * NF cycles the first
// SF read a word each; one word out every SF cycles, the first in cycle SF - 1.
#ifndef ISOBIT_DENSE_HPP
#define ISOBIT_DENSE_HPP

#include "isobit/bipolar.hpp"
#include "isobit/packed.hpp"
#include "isobit/tapered.hpp"
#include "isobit/types.hpp"

namespace isobit {

namespace detail {
// Widths that hold a dot product of SIMD terms, and an accumulator plus one.
template <class Cfg>
struct dense_types {
  static const int DOT_WIDTH = product_width<typename Cfg::in_t, typename Cfg::weight_t>::VALUE + ceil_log2(Cfg::SIMD);
  static const int SUM_WIDTH = 1 + max_of(DOT_WIDTH, signed_width<typename Cfg::acc_t>::VALUE);
  typedef typename working<DOT_WIDTH>::type dot_t;
  typedef typename working<SUM_WIDTH>::type sum_t;
};

template <class Cfg>
typename dense_types<Cfg>::dot_t dot(const lanes<typename Cfg::in_t, Cfg::SIMD>& x,
                                     const lanes<typename Cfg::weight_t, Cfg::SIMD>& weights) {
#pragma HLS INLINE
  typedef typename dense_types<Cfg>::dot_t dot_t;
  dot_t sum = 0;
  for (int s = 0; s < Cfg::SIMD; ++s) {
#pragma HLS UNROLL
    sum += product_of<dot_t>(x[s], weights[s]);
  }
  return sum;
}

// The weights of output pe's SIMD inputs.
template <class Cfg, class Word, int WORDS>
lanes<typename Cfg::weight_t, Cfg::SIMD> weights_of(const Word (&stored)[WORDS], int pe) {
#pragma HLS INLINE
  lanes<typename Cfg::weight_t, Cfg::SIMD> weights;
  for (int i = 0; i < Cfg::SIMD; ++i) {
#pragma HLS UNROLL
    weights[i] = stored_weight<Cfg>::template read<Cfg::PE * Cfg::SIMD>(stored, pe * Cfg::SIMD + i);
  }
  return weights;
}

// The dot products of SAMPLES inputs with the weights of PE outputs: a multiplier for every product.
template <class Cfg, class = void>
struct multipliers {
  template <int SAMPLES, class Word, int WORDS>
  static void dots(const typename Cfg::in_t (&x)[SAMPLES][Cfg::SIMD], const Word (&stored)[WORDS],
                   typename dense_types<Cfg>::dot_t (&sums)[SAMPLES][Cfg::PE]) {
#pragma HLS INLINE
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const lanes<typename Cfg::weight_t, Cfg::SIMD> weights = weights_of<Cfg>(stored, pe);
      for (int p = 0; p < SAMPLES; ++p) {
#pragma HLS UNROLL
        sums[p][pe] = dot<Cfg>(word_of(x[p]), weights);
      }
    }
  }
};

// The same with weights of one bit, which select inputs.
template <class Cfg>
struct multipliers<Cfg, typename exists_number<Cfg::BIPOLAR>::type> {
  static_assert(int_traits<typename Cfg::weight_t>::WIDTH == 1 && !int_traits<typename Cfg::weight_t>::SIGNED,
                "a weight is one bit");
  template <int SAMPLES, class Word, int WORDS>
  static void dots(const typename Cfg::in_t (&x)[SAMPLES][Cfg::SIMD], const Word (&stored)[WORDS],
                   typename dense_types<Cfg>::dot_t (&sums)[SAMPLES][Cfg::PE]) {
#pragma HLS INLINE
    bipolar_dots(x, stored, sums);
  }
};

// The same with one for every two products that share an operand: of two samples that meet in a weight where that leaves
// fewer without a partner, else of two outputs that meet in an input.
template <class Cfg>
struct multipliers<Cfg, typename exists_number<Cfg::PACKED>::type> {
  template <int SAMPLES, class Word, int WORDS>
  static void dots(const typename Cfg::in_t (&x)[SAMPLES][Cfg::SIMD], const Word (&stored)[WORDS],
                   typename dense_types<Cfg>::dot_t (&sums)[SAMPLES][Cfg::PE]) {
#pragma HLS INLINE
    pairs(x, stored, sums, boolean<Cfg::PE * ((SAMPLES + 1) / 2) < SAMPLES * ((Cfg::PE + 1) / 2)>());
  }

 private:
  template <int SAMPLES, class Word, int WORDS>
  static void pairs(const typename Cfg::in_t (&x)[SAMPLES][Cfg::SIMD], const Word (&stored)[WORDS],
                    typename dense_types<Cfg>::dot_t (&sums)[SAMPLES][Cfg::PE], boolean<true>) {
#pragma HLS INLINE
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const lanes<typename Cfg::weight_t, Cfg::SIMD> weights = weights_of<Cfg>(stored, pe);
      for (int p = 0; p + 1 < SAMPLES; p += 2) {
#pragma HLS UNROLL
        two_dots<Cfg::PACKED, Cfg::CHAIN>(word_of(x[p]), word_of(x[p + 1]), weights, sums[p][pe], sums[p + 1][pe]);
      }
      if (SAMPLES % 2 == 1) sums[SAMPLES - 1][pe] = dot<Cfg>(word_of(x[SAMPLES - 1]), weights);
    }
  }
  template <int SAMPLES, class Word, int WORDS>
  static void pairs(const typename Cfg::in_t (&x)[SAMPLES][Cfg::SIMD], const Word (&stored)[WORDS],
                    typename dense_types<Cfg>::dot_t (&sums)[SAMPLES][Cfg::PE], boolean<false>) {
#pragma HLS INLINE
    for (int pe = 0; pe + 1 < Cfg::PE; pe += 2) {
#pragma HLS UNROLL
      const lanes<typename Cfg::weight_t, Cfg::SIMD> low = weights_of<Cfg>(stored, pe);
      const lanes<typename Cfg::weight_t, Cfg::SIMD> high = weights_of<Cfg>(stored, pe + 1);
      for (int p = 0; p < SAMPLES; ++p) {
#pragma HLS UNROLL
        two_dots<Cfg::PACKED, Cfg::CHAIN>(low, high, word_of(x[p]), sums[p][pe], sums[p][pe + 1]);
      }
    }
    if (Cfg::PE % 2 == 1) {
      const lanes<typename Cfg::weight_t, Cfg::SIMD> weights = weights_of<Cfg>(stored, Cfg::PE - 1);
      for (int p = 0; p < SAMPLES; ++p) {
#pragma HLS UNROLL
        sums[p][Cfg::PE - 1] = dot<Cfg>(word_of(x[p]), weights);
      }
    }
  }
};
}  // namespace detail

template <class Cfg, class Word, int WORDS>
void dense(hls::stream<lanes<typename Cfg::in_t, Cfg::SIMD> >& in,
           hls::stream<lanes<typename Cfg::acc_t, Cfg::PE> >& out,
           const Word (&weights)[Cfg::OUT / Cfg::PE * (Cfg::IN / Cfg::SIMD)][WORDS]) {
#pragma HLS ARRAY_RESHAPE variable=weights complete dim=2
  static_assert(Cfg::IN % Cfg::SIMD == 0 && Cfg::OUT % Cfg::PE == 0, "SIMD divides IN, PE divides OUT");
  typedef lanes<typename Cfg::in_t, Cfg::SIMD> in_word;
  typedef lanes<typename Cfg::acc_t, Cfg::PE> acc_word;
  typedef typename detail::dense_types<Cfg>::sum_t sum_t;
  static const int SF = Cfg::IN / Cfg::SIMD;
  static const int NF = Cfg::OUT / Cfg::PE;

  typename Cfg::in_t vector[SF][Cfg::SIMD];  // kept for the NF passes over it
#pragma HLS ARRAY_RESHAPE variable=vector complete dim=2
  acc_word acc;
#pragma HLS ARRAY_PARTITION variable=acc.data complete

  typename counter<SF>::type sf = 0;
  typename counter<NF>::type nf = 0;
  typename counter<NF * SF>::type row = 0;
  for (int i = 0; i < Cfg::VECTORS * NF * SF; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    in_word x;
    if (nf == 0) {
      x = in.read();
      keep(x, vector[sf]);
    } else {
      x = word_of(vector[sf]);
    }
    typename Cfg::in_t now[1][Cfg::SIMD];
    typename detail::dense_types<Cfg>::dot_t dots[1][Cfg::PE];
#pragma HLS ARRAY_PARTITION variable=now complete dim=0
#pragma HLS ARRAY_PARTITION variable=dots complete dim=0
    keep(x, now[0]);
    detail::multipliers<Cfg>::dots(now, weights[row], dots);
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      sum_t sum = 0;
      if (sf != 0) sum = acc[pe];
      sum += dots[0][pe];
      ISOBIT_CHANNEL(nf * Cfg::PE + pe);
      acc[pe] = typename Cfg::acc_t(sum);
    }
    if (sf == SF - 1) {
      out.write(acc);
      nf = successor(nf, NF);
    }
    sf = successor(sf, SF);
    row = successor(row, NF * SF);
  }
}

}  // namespace isobit

#endif
