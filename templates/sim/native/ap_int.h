// ap_int<W> and ap_uint<W> for 1 to 127 bits on the machine's own integers: the native simulation build.
//
// A value is stored in the narrowest builtin integer. Every arithmetic result is exact: it is a signed builtin
// wide enough for any operands of those widths (int, long long or __int128), where Vitis gives an ap_int of the
// exact width. Assigning to W bits keeps the low W bits, as ap_int does; with -DISOBIT_CHECKED an assignment that
// would change the value stops the simulation and names layer and channel (isobit_sim.h).
// Only what the isobit templates use is here.
#ifndef ISOBIT_NATIVE_AP_INT_H
#define ISOBIT_NATIVE_AP_INT_H

#define ISOBIT_NATIVE 1

#include <stdint.h>

#include <type_traits>

#include "isobit_sim.h"

namespace ap_native {

template <int BYTES, bool SIGNED>
struct storage;
template <> struct storage<1, true> { typedef int8_t type; };
template <> struct storage<2, true> { typedef int16_t type; };
template <> struct storage<4, true> { typedef int32_t type; };
template <> struct storage<8, true> { typedef int64_t type; };
template <> struct storage<1, false> { typedef uint8_t type; };
template <> struct storage<2, false> { typedef uint16_t type; };
template <> struct storage<4, false> { typedef uint32_t type; };
template <> struct storage<8, false> { typedef uint64_t type; };
template <> struct storage<16, true> { typedef __int128 type; };
template <> struct storage<16, false> { typedef unsigned __int128 type; };

// The arithmetic type that holds W signed bits.
template <int W>
struct builtin_of {
  static_assert(W <= 128, "native simulation computes with up to 128 bits");
  typedef typename std::conditional<W <= 64, long long, __int128>::type beyond_int;
  typedef typename std::conditional<W <= 32, int, beyond_int>::type type;
};

// Bits of a value as a signed number.
constexpr int signed_bits(int width, bool is_signed) { return is_signed ? width : width + 1; }
constexpr int larger(int a, int b) { return a < b ? b : a; }

template <int W, bool S>
class integer;

// The operands of mixed arithmetic: our integers and builtin ones.
template <class T>
struct operand {
  static const bool OURS = false;
  static const bool VALID = std::is_integral<T>::value || std::is_same<T, __int128>::value;
  static const int BITS = std::is_same<T, __int128>::value ? 128 : signed_bits(8 * sizeof(T), std::is_signed<T>::value);
  static T get(T value) { return value; }
};
template <int W, bool S>
struct operand<integer<W, S> > {
  static const bool OURS = true;
  static const bool VALID = true;
  static const int BITS = signed_bits(W, S);
  static typename integer<W, S>::raw_t get(integer<W, S> value) { return value.raw(); }
};

template <int W, bool S>
class integer {
 public:
  static_assert(W >= 1 && W <= 127, "native simulation holds up to 127 bits; use the faithful build beyond");
  static const int width = W;
  static const int BYTES = W <= 8 ? 1 : W <= 16 ? 2 : W <= 32 ? 4 : W <= 64 ? 8 : 16;
  typedef typename storage<BYTES, S>::type raw_t;

  integer() : value_(0) {}
  template <class T, class = typename std::enable_if<operand<T>::VALID && !operand<T>::OURS>::type>
  integer(T value) : value_(fit(value)) {}
  template <int W2, bool S2>
  integer(integer<W2, S2> other) : value_(convert(other.raw(), std::integral_constant<bool, holds(W2, S2)>())) {}

  // A constant that was generated to fit: trusted, or checked.
  static integer stored(raw_t value) {
    integer result;
#ifdef ISOBIT_CHECKED
    result.value_ = fit(value);
#else
    result.value_ = value;
#endif
    return result;
  }

  raw_t raw() const { return value_; }
  int to_int() const { return static_cast<int>(value_); }
  long long to_int64() const { return static_cast<long long>(value_); }
  operator raw_t() const { return value_; }

  template <class T>
  integer& operator+=(T other) {
    return *this = *this + other;
  }
  integer operator~() const { return wrap(static_cast<raw_t>(~value_)); }

  // Bits high .. low as an unsigned number; assignable on a variable.
  class bits {
   public:
    bits(integer& whole, int high, int low) : whole_(whole), high_(high), low_(low) {}
    bits(const bits&) = default;
    operator unsigned long long() const { return const_cast<const integer&>(whole_).range(high_, low_); }
    bits& operator=(unsigned long long value) {
      const uint64_t field = mask(high_ - low_ + 1) << low_;
      whole_.value_ = wrap((static_cast<uint64_t>(whole_.value_) & ~field) | ((value << low_) & field));
      return *this;
    }
    bits& operator=(const bits& other) { return *this = static_cast<unsigned long long>(other); }

   private:
    integer& whole_;
    int high_, low_;
  };
  bits range(int high, int low) { return bits(*this, high, low); }
  unsigned long long range(int high, int low) const {
    static_assert(W <= 64, "bits are taken of up to 64");
    return (static_cast<uint64_t>(value_) >> low) & mask(high - low + 1);
  }

 private:
  static constexpr bool holds(int width, bool is_signed) {
    return S ? signed_bits(width, is_signed) <= W : !is_signed && width <= W;
  }
  static uint64_t mask(int bits) { return ~uint64_t(0) >> (64 - bits); }

  // The low W bits, read as this type.
  template <class T>
  static raw_t wrap(T value) {
    static const int SPARE = 8 * sizeof(raw_t) - W;
    typedef typename storage<BYTES, false>::type unsigned_t;
    if (SPARE == 0) return static_cast<raw_t>(value);
    const unsigned_t top = static_cast<unsigned_t>(static_cast<unsigned_t>(value) << SPARE);
    return static_cast<raw_t>(static_cast<raw_t>(top) >> SPARE);
  }

  template <class T>
  static raw_t fit(T value) {
    const raw_t kept = wrap(value);
#ifdef ISOBIT_CHECKED
    if (static_cast<__int128>(kept) != static_cast<__int128>(value)) isobit::sim::fail_lossy(value, W, S);
#endif
    return kept;
  }

  template <class T>
  static raw_t convert(T value, std::true_type) {
    return static_cast<raw_t>(value);
  }
  template <class T>
  static raw_t convert(T value, std::false_type) {
    return fit(value);
  }

  raw_t value_;
};

// The result of an operation that needs GROWTH (sum) or both widths (product), where one side is ours.
template <class A, class B>
struct binary {
  typedef operand<A> a;
  typedef operand<B> b;
  static const bool ENABLED = a::VALID && b::VALID && (a::OURS || b::OURS);
  static const int COMMON = larger(a::BITS, b::BITS);
};
template <class A, class B, int BITS>
using result =
    typename std::enable_if<binary<A, B>::ENABLED, typename builtin_of<(BITS < 128 ? BITS : 128)>::type>::type;
template <class A, class B>
using sum_type = result<A, B, binary<A, B>::COMMON + 1>;
template <class A, class B>
using product_type = result<A, B, operand<A>::BITS + operand<B>::BITS>;
template <class A, class B>
using common_type = result<A, B, binary<A, B>::COMMON>;

template <class R, class T>
inline R as(T value) {
  return static_cast<R>(operand<T>::get(value));
}

template <class A, class B>
inline sum_type<A, B> operator+(A a, B b) {
  return as<sum_type<A, B>, A>(a) + as<sum_type<A, B>, B>(b);
}
template <class A, class B>
inline sum_type<A, B> operator-(A a, B b) {
  return as<sum_type<A, B>, A>(a) - as<sum_type<A, B>, B>(b);
}
template <class A, class B>
inline product_type<A, B> operator*(A a, B b) {
  return as<product_type<A, B>, A>(a) * as<product_type<A, B>, B>(b);
}

template <class A, class B, class C = common_type<A, B> >
inline bool operator<(A a, B b) {
  return as<C, A>(a) < as<C, B>(b);
}
template <class A, class B, class C = common_type<A, B> >
inline bool operator>(A a, B b) {
  return as<C, A>(a) > as<C, B>(b);
}
template <class A, class B, class C = common_type<A, B> >
inline bool operator<=(A a, B b) {
  return as<C, A>(a) <= as<C, B>(b);
}
template <class A, class B, class C = common_type<A, B> >
inline bool operator>=(A a, B b) {
  return as<C, A>(a) >= as<C, B>(b);
}
template <class A, class B, class C = common_type<A, B> >
inline bool operator==(A a, B b) {
  return as<C, A>(a) == as<C, B>(b);
}
template <class A, class B, class C = common_type<A, B> >
inline bool operator!=(A a, B b) {
  return as<C, A>(a) != as<C, B>(b);
}

// Shifts right, rounding down; any distance from 0 on.
template <int W, bool S>
inline integer<W, S> operator>>(integer<W, S> a, int distance) {
  typedef integer<W, S> type;
  static const int LAST = 8 * static_cast<int>(sizeof(typename type::raw_t)) - 1;
  if (distance > LAST) return type(a < 0 ? -1 : 0);
  return type::stored(static_cast<typename type::raw_t>(a.raw() >> distance));
}

template <int W, bool S>
inline typename builtin_of<signed_bits(W, S) + (S ? 1 : 0)>::type operator-(integer<W, S> a) {
  return -static_cast<typename builtin_of<signed_bits(W, S) + (S ? 1 : 0)>::type>(a.raw());
}

// The data of an AXI beat of more than 64 bits: only its aligned parts of at most 64 bits can be read and written.
template <int W>
class wide {
 public:
  static_assert(W % 64 == 0, "a wide beat is whole words of 64 bits");
  static const int width = W;

  wide() : words_() {}
  wide(int value) : words_() { words_[0].range(63, 0) = static_cast<unsigned long long>(value); }

  typename integer<64, false>::bits range(int high, int low) {
    return words_[low / 64].range(high - low / 64 * 64, low % 64);
  }
  unsigned long long range(int high, int low) const {
    return words_[low / 64].range(high - low / 64 * 64, low % 64);
  }

 private:
  integer<64, false> words_[W / 64];
};

}  // namespace ap_native

template <int W>
using ap_int = ap_native::integer<W, true>;
template <int W>
using ap_uint = ap_native::integer<W, false>;

#endif
