package redoubt.workqueue;

import org.jspecify.annotations.Nullable;

/** A list of items, linked through the items: an item is in one list at most, and knows which. Under the pool's lock (P). */
final class ItemList {

    private @Nullable WorkItem first;
    private @Nullable WorkItem last;
    private int size;

    @Nullable
    WorkItem first() {
        return first;
    }

    boolean isEmpty() {
        return first == null;
    }

    int size() {
        return size;
    }

    void append(WorkItem item) {
        insertAfter(last, item);
    }

    /** Puts an item behind another of this list, or first when that is null. */
    void insertAfter(@Nullable WorkItem place, WorkItem item) {
        assert item.list == null : "an item is in one list at most";
        WorkItem following = place == null ? first : place.next;
        item.list = this;
        item.previous = place;
        item.next = following;
        if (place == null) {
            first = item;
        } else {
            place.next = item;
        }
        if (following == null) {
            last = item;
        } else {
            following.previous = item;
        }
        size++;
    }

    void remove(WorkItem item) {
        assert item.list == this : "the item is not in this list";
        WorkItem before = item.previous;
        WorkItem after = item.next;
        if (before == null) {
            first = after;
        } else {
            before.next = after;
        }
        if (after == null) {
            last = before;
        } else {
            after.previous = before;
        }
        item.list = null;
        item.previous = null;
        item.next = null;
        size--;
    }

    /**
     * Moves an item, and the barriers linked to it, to the end of another list.
     *
     * @return what follows them here
     */
    @Nullable
    WorkItem moveLinked(WorkItem from, ItemList to) {
        WorkItem item = from;
        while (true) {
            WorkItem following = item.next;
            boolean more = item.linked;
            remove(item);
            to.append(item);
            if (!more || following == null) {
                return following;
            }
            item = following;
        }
    }

    /** Whether the links agree with each other; for assertions. */
    boolean isSound() {
        int counted = 0;
        WorkItem before = null;
        for (WorkItem item = first; item != null; item = item.next) {
            if (item.list != this || item.previous != before || counted++ > size) {
                return false;
            }
            before = item;
        }
        return counted == size && last == before;
    }
}
