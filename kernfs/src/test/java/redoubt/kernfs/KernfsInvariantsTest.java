package redoubt.kernfs;

import org.junit.jupiter.api.Test;

/** The invariants hold. That each of them can fail is shown by {@link PlantedMutantsTest}. */
class KernfsInvariantsTest {

    @Test
    void inv1RemovalDrains() throws Exception {
        KernfsInvariants.inv1RemovalDrains();
    }

    @Test
    void inv2NotifyTakesNoTreeLock() throws Exception {
        KernfsInvariants.inv2NotifyTakesNoTreeLock();
    }

    @Test
    void inv3ANodeIsOnTheListOnceAtMost() {
        KernfsInvariants.inv3ANodeIsOnTheListOnceAtMost();
    }

    @Test
    void inv4UnmountingWaitsForWhoIsTold() throws Exception {
        KernfsInvariants.inv4UnmountingWaitsForWhoIsTold();
    }

    @Test
    void inv5EventsAreNotedBeforeTheShow() throws Exception {
        KernfsInvariants.inv5EventsAreNotedBeforeTheShow();
    }

    @Test
    void inv7AHeldSupersLockStallsSubscribersOnly() throws Exception {
        KernfsInvariants.inv7AHeldSupersLockStallsSubscribersOnly();
    }
}
