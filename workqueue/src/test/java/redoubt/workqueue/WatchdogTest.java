package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Pools that stand still are told of, and those that go on are not. */
class WatchdogTest {

    private static final long SEED = 10;

    private static List<Report.Stall> stalls(House house) {
        return house.reports.stream()
                .filter(Report.Stall.class::isInstance)
                .map(Report.Stall.class::cast)
                .toList();
    }

    /** TEST-10: no worker can be made: between 30 and 60 s it is told once, and then once each period, with how long and where. */
    @Test
    void test10APoolThatStandsStillIsToldOncePerPeriod() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue queue = house.create("queue");
            house.advanceSeconds(1);
            queue.queue(house.blocking("blocks", valve));
            house.run();
            house.threads.allow(0);
            queue.queue(house.item("waits"));
            house.advanceSeconds(29);
            assertThat(stalls(house)).isEmpty();
            house.advanceSeconds(30);
            assertThat(stalls(house)).hasSize(1);
            assertThat(stalls(house).getFirst().pool()).isEqualTo("pool-0");
            assertThat(stalls(house).getFirst().stuckSeconds()).isEqualTo(59);
            assertThat(stalls(house).getFirst().picture().pools())
                    .anyMatch(pool -> pool.name().equals("pool-0") && pool.waiting() == 1 && pool.managing());
            house.advanceSeconds(30);
            assertThat(stalls(house)).hasSize(2);
            assertThat(house.queues.stalls()).isEqualTo(2);
            house.threads.allow(9);
            house.advanceSeconds(2);
            valve.open();
            house.advanceSeconds(120);
            assertThat(stalls(house)).hasSize(2);
        }
    }

    /** TEST-10: a rescuer that begins an item each ten seconds is progress. */
    @Test
    void test10ARescuerThatGoesOnIsNoStall() {
        try (House house = new House(SEED)) {
            Workqueue queue = house.create("reclaim", WorkqueueFlag.MEM_RECLAIM);
            house.threads.allow(0);
            for (int i = 0; i < 30; i++) {
                queue.queue(new WorkItem(() -> {
                    long until = house.time.nanos() + 10 * House.SECOND;
                    house.threads.hold(() -> house.time.nanos() >= until);
                    house.ran.add("");
                }));
            }
            house.advanceSeconds(280);
            assertThat(house.ran).hasSizeBetween(26, 28);
            assertThat(stalls(house)).isEmpty();
        }
    }

    /** What waits for an active slot is not in the worklist: its pool does not stand still. And who has touched the dog is left alone. */
    @Test
    void whatIsInactiveIsNoStallAndATouchIsRespected() {
        try (House house = new House(SEED)) {
            House.Valve valve = new House.Valve();
            Workqueue queue = house.queues.create(WorkqueuePlan.named("one").maxActive(1));
            queue.queue(house.blocking("blocks", valve));
            queue.queue(house.item("inactive"));
            house.advanceSeconds(200);
            assertThat(stalls(house)).isEmpty();
            house.threads.allow(0);
            house.create("other").queue(house.blocking("takes the last worker", valve));
            house.create("other").queue(house.item("waits"));
            for (int i = 0; i < 20; i++) {
                house.advanceSeconds(10);
                house.queues.touchWatchdog();
            }
            assertThat(stalls(house)).isEmpty();
        }
    }
}
