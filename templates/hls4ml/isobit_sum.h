// Sums with integer coefficients: bias, residual joins of unrelated scales. No product of a coefficient of one.
//
//   affine         m x + c
//   weighted_sum   m x + n y + c
//
// total_t holds every term and every partial sum.
#ifndef ISOBIT_SUM_H_
#define ISOBIT_SUM_H_

#include "isobit_layers.h"

namespace isobit {

template <typename CONFIG_T, class data_T> typename CONFIG_T::out_t affine(const data_T &x, int row) {
    #pragma HLS INLINE
    const typename CONFIG_T::total_t term = CONFIG_T::first[row] * x;
    return typename CONFIG_T::out_t(term + CONFIG_T::bias[row]);
}

template <typename CONFIG_T, class data1_T, class data2_T>
typename CONFIG_T::out_t weighted_sum(const data1_T &x, const data2_T &y, int row) {
    #pragma HLS INLINE
    const typename CONFIG_T::total_t a = CONFIG_T::first[row] * x;
    const typename CONFIG_T::total_t b = CONFIG_T::second[row] * y;
    const typename CONFIG_T::total_t both = a + b;
    return typename CONFIG_T::out_t(both + CONFIG_T::bias[row]);
}

} // namespace isobit

#endif
