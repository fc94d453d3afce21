package redoubt.assembly;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Orders of a list: all of them, or a sample where they are many. */
final class Orders {

    /** All orders of four things. */
    static final int ALL_LIMIT = 24;

    private Orders() {}

    static <T> List<List<T>> of(List<T> things, long seed) {
        return of(things, seed, ALL_LIMIT);
    }

    /** At most so many; the given order and its reverse are among them. */
    static <T> List<List<T>> of(List<T> things, long seed, int limit) {
        List<List<T>> orders = new ArrayList<>();
        if (factorial(things.size()) <= limit) {
            permute(new ArrayList<>(things), 0, orders);
            return orders;
        }
        Random random = new Random(seed);
        orders.add(things);
        orders.add(things.reversed());
        while (orders.size() < limit) {
            List<T> shuffled = new ArrayList<>(things);
            Collections.shuffle(shuffled, random);
            orders.add(shuffled);
        }
        return orders;
    }

    private static long factorial(int n) {
        return n <= 1 ? 1 : n * factorial(n - 1);
    }

    private static <T> void permute(List<T> things, int from, List<List<T>> orders) {
        if (from == things.size()) {
            orders.add(List.copyOf(things));
            return;
        }
        for (int i = from; i < things.size(); i++) {
            Collections.swap(things, from, i);
            permute(things, from + 1, orders);
            Collections.swap(things, from, i);
        }
    }
}
