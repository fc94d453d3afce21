package redoubt.md;

import org.jspecify.annotations.Nullable;
import redoubt.base.ArrayState;
import redoubt.base.Bug;

/**
 * An array at one moment, as everybody but its own queue sees it: published whole, never changed. A request captures the view of the
 * moment in which it is started and keeps to it.
 */
public final class ArrayView {

    private static final Bug NOBODY_THERE = Bug.of("a member was asked for where nobody is");

    /** Slots an array may have: a set of slots is a {@code long}. */
    public static final int SLOTS_LIMIT = 64;

    private final long number;
    private final ArrayState state;
    private final @Nullable Member[] members;
    private final MemberState[] states;
    private final long inSyncSlots;
    private final boolean redundancyKnown;
    private final boolean writeHoleAccepted;
    private final boolean broken;

    ArrayView(
            long number,
            ArrayState state,
            @Nullable Member[] members,
            MemberState[] states,
            boolean redundancyKnown,
            boolean writeHoleAccepted,
            boolean broken) {
        this.number = number;
        this.state = state;
        this.members = members;
        this.states = states;
        this.redundancyKnown = redundancyKnown;
        this.writeHoleAccepted = writeHoleAccepted;
        this.broken = broken;
        long inSync = 0;
        for (int slot = 0; slot < states.length; slot++) {
            if (states[slot] == MemberState.IN_SYNC) {
                inSync |= 1L << slot;
            }
        }
        this.inSyncSlots = inSync;
    }

    /** Rises with each view of the array. */
    public long number() {
        return number;
    }

    /** The word of {@code array_state}. */
    public ArrayState state() {
        return state;
    }

    /** How many slots the array has. */
    public int slots() {
        return states.length;
    }

    /** How the slot stands. */
    public MemberState memberState(int slot) {
        return states[slot];
    }

    /** The disk in the slot, whatever its state; null where nobody is. */
    public @Nullable Member occupant(int slot) {
        return members[slot];
    }

    /** The slots that hold the array's content: bit k is slot k. */
    public long inSyncSlots() {
        return inSyncSlots;
    }

    /** Whether the slot holds the array's content. */
    public boolean inSync(int slot) {
        return (inSyncSlots >>> slot & 1) != 0;
    }

    /** The member in a slot that is in sync. */
    public Member member(int slot) {
        Member member = members[slot];
        if (member == null) {
            throw NOBODY_THERE;
        }
        return member;
    }

    /** How many slots lack a member in sync: the {@code degraded} attribute. */
    public int degraded() {
        return states.length - Long.bitCount(inSyncSlots);
    }

    /**
     * Whether mirrors are known to agree and parity to be right. False after an unclean stop and before the first resync: then mirrors
     * are read from the first slot in sync only, and parity is never computed from old parity.
     */
    public boolean redundancyKnown() {
        return redundancyKnown;
    }

    /**
     * Whether what a member in sync does not give may be made from parity. Not where parity is not known: that would be a guess, and is
     * done only if the user accepted it.
     */
    public boolean parityTrusted() {
        return redundancyKnown || writeHoleAccepted;
    }

    /** Whether more is gone than the level survives: writes fail, reads are tried. */
    public boolean broken() {
        return broken;
    }

    ArrayView withState(ArrayState next) {
        return new ArrayView(number + 1, next, members, states, redundancyKnown, writeHoleAccepted, broken);
    }

    ArrayView withMember(int slot, MemberState next) {
        MemberState[] changed = states.clone();
        changed[slot] = next;
        return new ArrayView(number + 1, state, members, changed, redundancyKnown, writeHoleAccepted, broken);
    }

    ArrayView withRedundancyUnknown() {
        return new ArrayView(number + 1, state, members, states, false, writeHoleAccepted, broken);
    }

    ArrayView asBroken() {
        return new ArrayView(number + 1, ArrayState.BROKEN, members, states, redundancyKnown, writeHoleAccepted, true);
    }
}
