using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

public sealed class UndoTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Theory]
    [InlineData("checkpoint", false)]
    [InlineData("checkpoint", true)]
    [InlineData("pause", false)]
    [InlineData("pause", true)]
    [InlineData("stop", false)]
    [InlineData("stop", true)]
    [InlineData("prove", false)]
    [InlineData("prove", true)]
    [InlineData("promote", false)]
    public async Task A_step_that_fails_before_the_decision_is_undone_without_a_client_error(string step, bool carriedOut)
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 4 }, Token);
        var report = await RunAsync(step, carriedOut);
        await lab.WaitUntilSoundAsync();
        var gap = await meter.StopAsync(CancellationToken.None);

        Assert.True(report.Outcome == OperationOutcome.RolledBack, string.Join(" | ", report.Steps));
        Assert.Contains("made to fail", report.Error, StringComparison.Ordinal);
        Assert.Equal(primary, await lab.PrimaryAsync());
        Assert.True(gap.ClientErrors == 0, string.Join("; ", gap.Errors));
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
        Assert.DoesNotContain(report.Steps, s => s is { Phase: StepPhase.Undo, Succeeded: false });
    }

    [Theory]
    [InlineData("promote", true, false)]
    [InlineData("repoint", false, false)]
    [InlineData("resume", false, true)]
    [InlineData("follow", false, true)]
    public async Task A_step_that_fails_after_the_decision_leaves_the_new_primary_and_says_so(string step, bool carriedOut, bool forGood)
    {
        await lab.WaitUntilSoundAsync();
        var report = await RunAsync(
            new FaultyPeers(lab.Peers, step, carriedOut, forGood),
            ("failover.pause_expiry", "4s"), ("failover.pause_timeout", "1s"), ("failover.migrate_timeout", "2s"), ("failover.resume_timeout", "2s"), ("failover.follow_timeout", "2s"));

        Assert.True(report.Outcome == OperationOutcome.NeedsOperator, string.Join(" | ", report.Steps));
        Assert.Contains("made to fail", report.Error, StringComparison.Ordinal);
        await lab.WaitUntilSoundAsync();
        Assert.NotEqual(report.OldPrimary, await lab.PrimaryAsync());
        Assert.Equal(lab.PortOf(await lab.PrimaryAsync()), await lab.WriteThroughAsync("app"));
    }

    [Theory]
    [InlineData("resume", false)]
    [InlineData("resume", true)]
    [InlineData("follow", false)]
    [InlineData("follow", true)]
    public async Task A_keeper_or_an_agent_that_is_silent_once_after_the_decision_is_asked_again(string step, bool carriedOut)
    {
        await lab.WaitUntilSoundAsync();
        var report = await RunAsync(step, carriedOut);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, string.Join(" | ", report.Steps));
        await lab.WaitUntilSoundAsync();
        Assert.Equal(report.NewPrimary, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task A_store_that_stands_still_for_seconds_after_the_decision_needs_no_operator()
    {
        await lab.WaitUntilSoundAsync();
        var etcd = lab.Process("etcd1");
        Task goesOn = Task.CompletedTask;
        var report = await RunAsync(
            new At("publish", () =>
            {
                etcd.Signal(UnixSignal.Stop);
                goesOn = GoOnAsync();
            }),
            Token);
        await goesOn;

        Assert.True(report.Outcome == OperationOutcome.Succeeded, string.Join(" | ", report.Steps));
        Assert.InRange(report.Steps.Single(s => s.Name == "publish").ElapsedSeconds, 2.5, 20);
        await lab.WaitUntilSoundAsync();
        Assert.Equal(report.NewPrimary, await lab.PrimaryAsync());

        async Task GoOnAsync()
        {
            await Task.Delay(TimeSpan.FromSeconds(3));
            etcd.Signal(UnixSignal.Continue);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_standby_that_cannot_cascade_ahead_keeps_nobody_from_failing_over(bool carriedOut)
    {
        await lab.WaitUntilSoundAsync();
        var report = await RunAsync("cascade", carriedOut);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, string.Join(" | ", report.Steps));
        Assert.Contains("left as it was", report.Steps.Single(s => s.Name == "cascade").Detail, StringComparison.Ordinal);
        await lab.WaitUntilSoundAsync();
        Assert.Equal(report.NewPrimary, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task PG_36_a_synchronous_standby_that_vanishes_after_the_preflight_stops_the_failover_before_the_primary_is_down()
    {
        await lab.WaitUntilSoundAsync();
        var request = new FailoverRequest();
        var plan = await lab.Cluster.PlanFailoverAsync(request, Token);
        var target = lab.Postmaster(plan.To!);
        var primary = lab.Postmaster(plan.From!);
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 4 }, Token);

        // Its agent would have it back at once.
        await lab.KillAsync("agent-" + plan.To);
        target.Signal(UnixSignal.Kill);
        await target.WaitForExitAsync(TimeProvider.System, Token);

        var report = await lab.Cluster.RunFailoverAsync(plan, request, null, Token);

        Assert.Equal(OperationOutcome.RolledBack, report.Outcome);
        Assert.Contains(report.ErrorReason!.Value, (Reason[])[Reason.NoEligibleCandidate, Reason.PlanStale, Reason.AgentUnreachable]);
        Assert.True(primary.IsRunning, "the primary was stopped");
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.True(gap.ClientErrors == 0, string.Join("; ", gap.Errors));
        await lab.StartAgainAsync("agent-" + plan.To);
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task Ctrl_C_before_the_point_of_no_return_undoes_and_after_it_finishes()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        using (var early = new CancellationTokenSource())
        {
            var report = await RunAsync(new At("stop", early.Cancel), early.Token);
            Assert.Equal((OperationOutcome.RolledBack, Reason.Cancelled), (report.Outcome, report.ErrorReason));
            await lab.WaitUntilSoundAsync();
            Assert.Equal(primary, await lab.PrimaryAsync());
        }

        using var late = new CancellationTokenSource();
        var finished = await RunAsync(new At("publish", late.Cancel), late.Token);
        Assert.Equal(OperationOutcome.Succeeded, finished.Outcome);
        await lab.WaitUntilSoundAsync();
        Assert.NotEqual(primary, await lab.PrimaryAsync());
    }

    private async Task<OperationReport> RunAsync(IOperationObserver observer, CancellationToken cancellationToken)
    {
        var request = new FailoverRequest();
        return await lab.Cluster.RunFailoverAsync(await lab.Cluster.PlanFailoverAsync(request, Token), request, observer, cancellationToken);
    }

    private Task<OperationReport> RunAsync(string step, bool carriedOut) => RunAsync(new FaultyPeers(lab.Peers, step, carriedOut));

    private async Task<OperationReport> RunAsync(FaultyPeers peers, params (string Path, string Value)[] options)
    {
        var config = ClusterConfiguration.Load(lab.Info.ConfigFile, options.ToDictionary(o => o.Path, o => o.Value)).Config;
        var flow = new FailoverFlow(lab.Store, peers, config, TimeProvider.System);
        var request = new FailoverRequest { Actor = "it" };
        var assessment = await flow.AssessAsync(request, Token);
        Assert.Null(assessment.Refusal);
        return await flow.RunAsync(assessment.Plan, request, null, Token);
    }

    /// <summary>Does something when a step begins.</summary>
    private sealed class At(string step, Action action) : IOperationObserver
    {
        public void StepStarting(PlanStep plan, StepPhase phase)
        {
            if (plan.Name == step && phase == StepPhase.Run)
            {
                action();
            }
        }

        public void StepFinished(StepReport report)
        {
        }
    }
}
