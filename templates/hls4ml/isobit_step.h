// The bodies of a step: a monotone staircase of one integer, exact on every value that reaches it.
//
//   multiply_shift  clamp((m x + c) >> k), the shift rounding down
//   round_shift     clamp(round((m x + c) / 2^K)), in one of seven roundings
//   half_even       clamp(up if up is even, else down), up and down two such sums: ties to even of any scale
//   thresholds      start + the number of cuts t with x >= t
//   lookup          table[x - lo]; of any function, monotone or not
//
// product_t and sum_t come from the intervals of m x and m x + c: nothing overflows. sum_t is signed, and so are the
// operands of every comparison: ap_int compares wide operands of different signs as C does.
#ifndef ISOBIT_STEP_H_
#define ISOBIT_STEP_H_

#include "isobit_layers.h"

namespace isobit {

template <typename CONFIG_T, class sum_T> typename CONFIG_T::out_t clamp(const sum_T &y) {
    #pragma HLS INLINE
    if (y < CONFIG_T::LO)
        return CONFIG_T::LO;
    if (y > CONFIG_T::HI)
        return CONFIG_T::HI;
    return typename CONFIG_T::out_t(y);
}

template <typename CONFIG_T, class data_T> typename CONFIG_T::out_t multiply_shift(const data_T &x, int row) {
    #pragma HLS INLINE
    const typename CONFIG_T::product_t product = CONFIG_T::multipliers[row] * x;
    const typename CONFIG_T::sum_t sum = product + CONFIG_T::offsets[row];
    const typename CONFIG_T::sum_t shifted = sum >> CONFIG_T::shift(row);
    return clamp<CONFIG_T>(shifted);
}

// QONNX's roundings: to nearest with ties to even, away from zero, towards zero; directed.
enum rounding { ROUND, HALF_UP, HALF_DOWN, CEIL, FLOOR, UP, DOWN };

// Whether floor + rest / 2^K rounds to floor + 1; 0 <= rest < 2^K.
template <int MODE, class T> bool rounds_up(const T &floor, const T &rest, const T &half) {
    #pragma HLS INLINE
    if (MODE == CEIL)
        return rest != 0;
    if (MODE == UP)
        return rest != 0 && floor >= 0;
    if (MODE == DOWN)
        return rest != 0 && floor < 0;
    if (MODE == FLOOR || rest < half)
        return false;
    if (rest != half)
        return true;
    if (MODE == HALF_UP)
        return floor >= 0;
    if (MODE == HALF_DOWN)
        return floor < 0;
    return (floor & 1) != 0;
}

template <typename CONFIG_T, class data_T> typename CONFIG_T::out_t round_shift(const data_T &x, int row) {
    #pragma HLS INLINE
    typedef typename CONFIG_T::sum_t sum_t;
    const typename CONFIG_T::product_t product = CONFIG_T::multipliers[row] * x;
    const sum_t sum = product + CONFIG_T::offsets[row];
    const sum_t unit = sum_t(1) << CONFIG_T::K;
    const sum_t floor = sum >> CONFIG_T::K;
    const sum_t rest = sum & sum_t(unit - 1);
    const sum_t half = unit >> 1;
    const sum_t up = floor + 1;
    return clamp<CONFIG_T>(rounds_up<CONFIG_T::ROUNDING, sum_t>(floor, rest, half) ? up : floor);
}

template <typename CONFIG_T, class data_T> typename CONFIG_T::out_t half_even(const data_T &x, int row) {
    #pragma HLS INLINE
    typedef typename CONFIG_T::sum_t sum_t;
    const typename CONFIG_T::product_t product = CONFIG_T::multipliers[row] * x;
    const sum_t low = product + CONFIG_T::offsets[row];
    const sum_t high = low + CONFIG_T::gaps[row];
    const sum_t down = low >> CONFIG_T::K;
    const sum_t up = high >> CONFIG_T::K;
    return clamp<CONFIG_T>((up & 1) != 0 ? down : up);
}

template <typename CONFIG_T, class data_T> typename CONFIG_T::out_t thresholds(const data_T &x, int row) {
    #pragma HLS INLINE
    const typename CONFIG_T::compared_t level = x;
    typename CONFIG_T::count_t reached = 0;
    for (int j = 0; j < CONFIG_T::LEVELS; j++) {
        #pragma HLS UNROLL
        if (level >= CONFIG_T::cuts[row][j])
            reached += 1;
    }
    return typename CONFIG_T::out_t(CONFIG_T::starts[row] + reached);
}

template <typename CONFIG_T, class data_T> typename CONFIG_T::out_t lookup(const data_T &x, int row) {
    #pragma HLS INLINE
    const int index = int(typename CONFIG_T::index_t(x) - CONFIG_T::first(row));
    return CONFIG_T::table[row][index];
}

} // namespace isobit

#endif
