package redoubt.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A benchmark that counts wrongly is worse than none. */
class FiguresTest {

    @Test
    void theMedianOfAnEvenNumberLiesBetweenTheMiddleTwo() {
        assertThat(Spread.of(List.of(4.0, 1.0, 3.0, 2.0))).isEqualTo(new Spread(2.5, 1, 4));
        assertThat(Spread.of(List.of(9.0, 1.0, 5.0)).median()).isEqualTo(5);
    }

    @Test
    void latenciesAreWithinThreePercentOfWhatWasRecorded() {
        Latencies latencies = new Latencies();
        for (int i = 1; i <= 10_000; i++) {
            latencies.record(i * 1_000L);
        }
        assertThat(latencies.micros(0.5)).isCloseTo(5_000, within(160.0));
        assertThat(latencies.micros(0.99)).isCloseTo(9_900, within(310.0));
    }

    @Test
    void aGibibyteInTwoSecondsOfOneProcessorCostsTwo() {
        Sample sample = new Sample(1L << 30, 4, 1 << 18, 10, 20, 2);
        assertThat(sample.cpuSecondsPerGib()).isEqualTo(2);
        assertThat(sample.operationsPerSecond()).isEqualTo(65_536);
        assertThat(sample.megabytesPerSecond()).isCloseTo(268.4, within(0.1));
    }

    @Test
    void ratiosAreOfMediansAndTheirSpreadIsOfRounds() {
        Workload workload = Workload.all().getFirst();
        List<ServerPlan> plans = new ServerPlans(Path.of("."), Path.of("D"), 64 << 20).all();
        ServerPlan ours = plans.getFirst();
        ServerPlan peer = plans.stream()
                .filter(p -> p.id().equals(ServerPlans.NBDKIT_FILE))
                .findFirst()
                .orElseThrow();
        Results results = new Results();
        long[] our = {200, 400, 300};
        long[] their = {100, 100, 300};
        for (int round = 0; round < 3; round++) {
            results.add(workload, ours, new Sample(1, 1, our[round], 1, 1, 1));
            results.add(workload, peer, new Sample(1, 1, their[round], 1, 1, 1));
        }
        assertThat(results.ratio(workload.id(), ours.id(), peer.id(), Measure.OPERATIONS))
                .contains(new Spread(3, 1, 4));
        assertThat(new Table(plans, List.of(workload), results).markdown()).contains("3.00 (1.00..4.00) ≥ 2.0 met");
    }

    @Test
    void everyGoalNamesAWorkloadAndAPeerThatExist() {
        List<String> workloads = Workload.all().stream().map(Workload::id).toList();
        List<String> servers = new ServerPlans(Path.of("."), Path.of("D"), 64 << 20)
                .all().stream().map(ServerPlan::id).toList();
        assertThat(Goal.all()).allSatisfy(goal -> {
            assertThat(workloads).contains(goal.workload());
            assertThat(servers).contains(goal.peer());
        });
    }

    @Test
    void aWordThatMeansNothingIsRefused() {
        assertThatThrownBy(() -> WholePathOptions.parse(new String[] {"--round", "3"}))
                .isInstanceOf(WholePathOptions.Misunderstood.class)
                .hasMessageContaining("--round");
        assertThatThrownBy(() -> WholePathOptions.chosen(Workload.all(), List.of("sequential"), Workload::id))
                .isInstanceOf(WholePathOptions.Misunderstood.class);
    }
}
