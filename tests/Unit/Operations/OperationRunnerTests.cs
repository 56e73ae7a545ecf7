using PgCluster.Engine.Operations;

namespace PgCluster.Tests.Unit.Operations;

public sealed class OperationRunnerTests
{
    private readonly List<string> _order = [];

    [Fact]
    public async Task PG_1_steps_run_in_order_and_what_was_deferred_runs_last()
    {
        var result = await RunAsync(Step("a", last: "aDefer"), Step("b"));

        Assert.Equal(["a", "b", "aDefer"], _order);
        Assert.Equal(OperationOutcome.Succeeded, result.Outcome);
        Assert.Null(result.Error);
    }

    [Fact]
    public async Task PG_2_a_failed_step_is_followed_by_its_own_deferred_action_and_its_error_comes_out()
    {
        var error = new PgClusterException(Reason.PauseTimeout, "a failed");
        var result = await RunAsync(Step("a", last: "aDefer", fails: error), Step("b"));

        Assert.Equal(["a", "aDefer"], _order);
        Assert.Same(error, result.Error);
        Assert.Equal(OperationOutcome.RolledBack, result.Outcome);
    }

    [Fact]
    public async Task Undo_runs_in_reverse_and_includes_the_step_that_failed()
    {
        var result = await RunAsync(
            Step("a", undo: "undo a", last: "end a"), Step("b", undo: "undo b"), Step("c", undo: "undo c", fails: new PgClusterException(Reason.StepTimeout, "no")));

        Assert.Equal(["a", "b", "c", "undo c", "undo b", "undo a", "end a"], _order);
        Assert.Equal(OperationOutcome.RolledBack, result.Outcome);
    }

    [Fact]
    public async Task Undo_that_fails_does_not_keep_the_others_from_running_and_asks_for_an_operator()
    {
        var steps = new[]
        {
            Step("a", undo: "undo a"),
            Step("b") with { UndoAsync = _ => throw new PgClusterException(Reason.PoolerUnreachable, "undo failed") },
            Step("c", fails: new PgClusterException(Reason.StepTimeout, "no")),
        };
        var result = await RunAsync(steps);

        Assert.Equal(["a", "b", "c", "undo a"], _order);
        Assert.Equal(OperationOutcome.NeedsOperator, result.Outcome);
        Assert.Equal(Reason.StepTimeout, result.Error!.Reason);
        Assert.Contains(result.Steps, s => s is { Name: "b", Phase: StepPhase.Undo, Succeeded: false, Detail: "undo failed" });
    }

    [Fact]
    public async Task After_the_point_of_no_return_every_step_is_tried_and_nothing_is_undone()
    {
        var result = await RunAsync(
            Step("a", undo: "undo a"), Step("final", final: true), Step("c", fails: new PgClusterException(Reason.PoolerUnreachable, "no")), Step("d"));

        Assert.Equal(["a", "final", "c", "d"], _order);
        Assert.Equal(OperationOutcome.NeedsOperator, result.Outcome);
    }

    [Theory]
    [InlineData(Reason.StoreUnavailable)]
    [InlineData(Reason.NoQuorum)]
    [InlineData(Reason.AgentUnreachable)]
    [InlineData(Reason.PoolerUnreachable)]
    public async Task After_the_point_of_no_return_a_step_that_tries_again_outlasts_a_silence(Reason silence)
    {
        var result = await RunAsync(Step("final", final: true), SilentFor(2, silence));

        Assert.Equal(["final", "try 1", "try 2", "try 3"], _order);
        Assert.Equal(OperationOutcome.Succeeded, result.Outcome);
    }

    [Fact]
    public async Task Nothing_is_tried_again_before_the_point_of_no_return_nor_for_another_reason()
    {
        var before = await RunAsync(SilentFor(2, Reason.AgentUnreachable), Step("final", final: true));
        Assert.Equal((OperationOutcome.RolledBack, "try 1"), (before.Outcome, Assert.Single(_order)));

        _order.Clear();
        var refused = await RunAsync(Step("final", final: true), SilentFor(2, Reason.PostgresUnavailable));
        Assert.Equal(["final", "try 1"], _order);
        Assert.Equal((OperationOutcome.NeedsOperator, Reason.PostgresUnavailable), (refused.Outcome, refused.Error!.Reason));
    }

    [Fact]
    public async Task A_silence_that_outlasts_the_budget_is_what_is_reported()
    {
        var silent = SilentFor(int.MaxValue, Reason.AgentUnreachable);
        var result = await RunAsync(Step("final", final: true), silent with { Plan = silent.Plan with { BudgetSeconds = 0.25 } });

        Assert.Equal((OperationOutcome.NeedsOperator, Reason.AgentUnreachable), (result.Outcome, result.Error!.Reason));
        Assert.True(_order.Count > 2, string.Join(", ", _order));
    }

    [Theory]
    [InlineData(Reason.PlanStale)]
    [InlineData(Reason.LockLost)]
    public async Task A_point_of_no_return_that_the_store_refused_is_undone(Reason reason)
    {
        var result = await RunAsync(Step("a", undo: "undo a"), Step("final", final: true, fails: new PgClusterException(reason, "refused")), Step("c"));

        Assert.Equal(["a", "final", "undo a"], _order);
        Assert.Equal(OperationOutcome.RolledBack, result.Outcome);
    }

    [Fact]
    public async Task A_point_of_no_return_that_failed_in_doubt_is_not_undone()
    {
        var result = await RunAsync(
            Step("a", undo: "undo a"), Step("final", final: true, fails: new PgClusterException(Reason.AgentUnreachable, "silent")), Step("c"));

        Assert.Equal(["a", "final", "c"], _order);
        Assert.Equal(OperationOutcome.NeedsOperator, result.Outcome);
    }

    [Fact]
    public async Task Cancellation_before_the_point_of_no_return_undoes()
    {
        using var cancel = new CancellationTokenSource();
        var result = await new OperationRunner(TimeProvider.System, TimeSpan.FromSeconds(5)).RunAsync(
            [Step("a", undo: "undo a", then: cancel.Cancel), Step("final", final: true)], cancel.Token);

        Assert.Equal(["a", "undo a"], _order);
        Assert.Equal(Reason.Cancelled, result.Error!.Reason);
        Assert.Equal(OperationOutcome.RolledBack, result.Outcome);
    }

    [Fact]
    public async Task Cancellation_during_and_after_the_point_of_no_return_is_not_heard()
    {
        using var cancel = new CancellationTokenSource();
        var result = await new OperationRunner(TimeProvider.System, TimeSpan.FromSeconds(5)).RunAsync(
            [Step("a", undo: "undo a"), Step("final", final: true, then: cancel.Cancel), Step("c")], cancel.Token);

        Assert.Equal(["a", "final", "c"], _order);
        Assert.Equal(OperationOutcome.Succeeded, result.Outcome);
    }

    [Fact]
    public async Task PG_33_undo_has_a_budget_that_begins_with_the_undo()
    {
        // A run longer than the undo budget: the original cut its clean-up off ten seconds after the start of the run.
        var budget = TimeSpan.FromMilliseconds(300);
        var steps = new[]
        {
            Step("slow") with { RunAsync = async ct => { await Task.Delay(TimeSpan.FromMilliseconds(600), ct); return ""; } },
            Step("b", fails: new PgClusterException(Reason.StepTimeout, "no")),
        };
        steps[0] = steps[0] with { UndoAsync = ct => { ct.ThrowIfCancellationRequested(); _order.Add("undo"); return Task.FromResult(""); } };
        var result = await new OperationRunner(TimeProvider.System, budget).RunAsync(steps, CancellationToken.None);

        Assert.Contains("undo", _order);
        Assert.Equal(OperationOutcome.RolledBack, result.Outcome);
    }

    [Fact]
    public async Task A_step_that_outlives_its_budget_fails_by_name()
    {
        var slow = new OperationStep(new PlanStep(1, "slow", "", "pg01", 0.05), async ct => { await Task.Delay(Timeout.Infinite, ct); return ""; });
        var result = await new OperationRunner(TimeProvider.System, TimeSpan.FromSeconds(5)).RunAsync([slow], CancellationToken.None);

        Assert.Equal(Reason.StepTimeout, result.Error!.Reason);
        Assert.Contains("slow", result.Error.Message, StringComparison.Ordinal);
        Assert.Contains("0.05 s", result.Error.Message, StringComparison.Ordinal);
    }

    private static Task<OperationResult> RunAsync(params OperationStep[] steps) =>
        new OperationRunner(TimeProvider.System, TimeSpan.FromSeconds(5)).RunAsync(steps, CancellationToken.None);

    private OperationStep Step(string name, string? undo = null, string? last = null, Exception? fails = null, bool final = false, Action? then = null) =>
        new(new PlanStep(1, name, "", "", 5, PointOfNoReturn: final), _ =>
        {
            _order.Add(name);
            then?.Invoke();
            return fails is null ? Task.FromResult("") : Task.FromException<string>(fails);
        })
        {
            UndoAsync = undo is null ? null : _ => Note(undo),
            FinallyAsync = last is null ? null : _ => Note(last),
        };

    /// <summary>A step that tries again, whose first tries meet nobody.</summary>
    private OperationStep SilentFor(int tries, Reason reason)
    {
        var tried = 0;
        return new(new PlanStep(1, "silent", "", "", 5), _ =>
        {
            _order.Add($"try {++tried}");
            return tried > tries ? Task.FromResult("") : Task.FromException<string>(new PgClusterException(reason, "silence"));
        })
        {
            TriesAgain = true,
        };
    }

    private Task<string> Note(string what)
    {
        _order.Add(what);
        return Task.FromResult("");
    }
}
