package gateway

import "testing"

func TestBuffers(t *testing.T) {
	for n, want := range map[int]int{0: 4 << 10, 1: 4 << 10, 4 << 10: 4 << 10, 4<<10 + 1: 5 << 10, 7 << 10: 7 << 10,
		7<<10 + 1: 8 << 10, 8<<10 + 1: 10 << 10, 16<<20 + 1: 20 << 20, 32 << 20: 32 << 20, 41 << 20: 48 << 20} {
		budget := NewBudget(64 << 20)
		hold := &lease{from: budget}
		data, ok := hold.buffer(n)
		if !ok || len(data) != 0 || cap(data) != want || budget.Held() != int64(want) {
			t.Errorf("%d bytes: %t, a buffer of %d, %d are held; want %d", n, ok, cap(data), budget.Held(), want)
		}
		if _, ok := hold.buffer(64<<20 - want + 1); ok {
			t.Errorf("%d bytes: more than the budget has", n)
		}
		if hold.free(); budget.Held() != 0 {
			t.Errorf("%d bytes: %d are held at the end", n, budget.Held())
		}
	}
}

// What is dropped is dropped once, and two that have a buffer never share it.
func TestBuffersAreNotShared(t *testing.T) {
	budget := NewBudget(1 << 20)
	hold := &lease{from: budget}
	a, _ := hold.buffer(10)
	b, _ := hold.buffer(10)
	hold.drop(a)
	hold.drop(a)
	if budget.Held() != 4<<10 || len(hold.buffers) != 1 || &hold.buffers[0][:1][0] != &b[:1][0] {
		t.Errorf("%d bytes in %d buffers are held", budget.Held(), len(hold.buffers))
	}
	hold.free()
	seen := map[*byte]bool{}
	for range 100 {
		data, ok := hold.buffer(10)
		if !ok || seen[&data[:1][0]] {
			t.Fatal("a buffer is in use twice")
		}
		seen[&data[:1][0]] = true
	}
}

// A buffer that was retired has its size, and no other size's place.
func TestBuffersHaveTheirSize(t *testing.T) {
	seen := map[int]int{}
	for n := 1; n <= 32<<20; n += n/50 + 1 {
		index, size := class(n)
		if before, ok := seen[index]; index < 0 || index >= len(idle) || size < n || n > smallest && 4*size > 5*n+4 ||
			ok && before != size {
			t.Fatalf("%d bytes: size %d at %d", n, size, index)
		}
		seen[index] = size
		if again, same := class(size); again != index || same != size {
			t.Fatalf("a buffer of %d bytes is put at %d with those of %d", size, again, same)
		}
	}
	if len(seen) != len(idle) {
		t.Errorf("%d of %d sizes are in use", len(seen), len(idle))
	}
}
