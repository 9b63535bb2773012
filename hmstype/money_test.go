package hmstype_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
)

func TestNewMoney(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		amount   string
		currency hmstype.Currency
		ok       bool
	}{
		{"12.50", "USD", true}, {"12.5", "USD", true}, {"-0.01", "USD", true}, {"0", "USD", true},
		{"12.505", "USD", false}, {"12.500", "USD", true}, {"12", "JPY", true}, {"12.5", "JPY", false},
		{"1.234", "KWD", true}, {"1.2345", "KWD", false}, {"1", "usd", false}, {"1", "", false},
		{"NaN", "USD", false}, {"1e3", "USD", false}, {"1e9999999", "USD", false}, {"", "USD", false},
		{" 1", "USD", false}, {"+1", "USD", false}, {"0x10", "USD", false}, {"Infinity", "USD", false},
		{"999999999999", "USD", true}, {"1000000000000", "USD", false},
	} {
		t.Run(tt.amount+string(tt.currency), func(t *testing.T) {
			t.Parallel()
			m, err := hmstype.NewMoney(tt.amount, tt.currency)
			if !tt.ok {
				require.ErrorIs(t, err, hmstype.ErrInvalid)
				return
			}
			require.NoError(t, err)
			require.True(t, m.IsRounded())
		})
	}
}

func TestRoundMoney_HalfAwayFromZero(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		exact    string
		currency hmstype.Currency
		want     string
	}{
		{"1.005", "USD", "1.01 USD"}, {"-1.005", "USD", "-1.01 USD"}, {"1.004999", "USD", "1.00 USD"},
		{"0.5", "JPY", "1 JPY"}, {"1.0005", "KWD", "1.001 KWD"},
	} {
		require.Equal(t, tt.want, hmstype.RoundMoney(decimal.RequireFromString(tt.exact), tt.currency).String())
	}
}

func TestMoney_CurrenciesDoNotMix(t *testing.T) {
	t.Parallel()
	dollar, yen := hmstype.MustMoney("1", "USD"), hmstype.MustMoney("1", "JPY")
	_, err := dollar.Add(yen)
	require.ErrorIs(t, err, hmstype.ErrCurrencyMismatch)
	_, err = dollar.Compare(yen)
	require.ErrorIs(t, err, hmstype.ErrCurrencyMismatch)
	require.False(t, dollar.Equal(yen))
}

func TestMoney_Allocate(t *testing.T) {
	t.Parallel()
	parts, err := hmstype.MustMoney("100.00", "USD").Allocate(1, 1, 1)
	require.NoError(t, err)
	require.Equal(t, []string{"33.34 USD", "33.33 USD", "33.33 USD"},
		[]string{parts[0].String(), parts[1].String(), parts[2].String()})
	for _, weights := range [][]int64{nil, {0}, {0, 0}, {-1, 2}} {
		_, err := hmstype.MustMoney("1", "USD").Allocate(weights...)
		require.ErrorIs(t, err, hmstype.ErrBadAllocation)
	}
}

func TestMoney_Allocate_SumsExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]hmstype.Currency{"USD", "JPY", "KWD", "CLF"}).Draw(t, "currency")
		units := rapid.Int64Range(-1_000_000_000, 1_000_000_000).Draw(t, "units")
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1000), 1, 12).Draw(t, "weights")
		var total int64
		for _, w := range weights {
			total += w
		}
		if total == 0 {
			weights[0] = 1
		}
		m := hmstype.Money{Amount: decimal.New(units, -currency.MinorUnits()), Currency: currency}
		parts, err := m.Allocate(weights...)
		if err != nil {
			t.Fatalf("allocate: %v", err)
		}
		sum, err := hmstype.SumMoney(currency, parts...)
		if err != nil || !sum.Equal(m) {
			t.Fatalf("%v split into %v sums to %v (%v)", m, parts, sum, err)
		}
		for i, p := range parts {
			if !p.IsRounded() || p.Sign()*m.Sign() < 0 {
				t.Fatalf("part %d is %v of %v", i, p, m)
			}
			if weights[i] == 0 && !p.IsZero() {
				t.Fatalf("weight 0 got %v", p)
			}
		}
	})
}
