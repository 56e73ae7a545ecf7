using PgCluster.Engine.Operations;
using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class SwitchoverRunTests : IAsyncDisposable
{
    private static readonly SwitchoverOptions _options = new() { SourceUri = "postgresql://old/shop", TargetUri = "postgresql://new/shop" };

    private readonly FakeRun _fake = new();

    public ValueTask DisposeAsync() => _fake.DisposeAsync();

    [Fact]
    public async Task A_run_calls_everything_in_the_order_of_its_plan()
    {
        OperationResult result = await RunAsync(Plan(_options with { CopySchema = true }));

        Assert.Equal(OperationOutcome.Succeeded, result.Outcome);
        Assert.Equal(
            "begin lock schema track copy indexes catchup verify catchup pause prepare stop fence drain sequences turn open flip switch release finish back unlock",
            string.Join(' ', _fake.Calls));
    }

    [Fact]
    public async Task A_rollback_copies_nothing()
    {
        OperationPlan plan = SwitchoverPlanner.Plan(
            "id", "new", "old", _options with { Stop = SwitchoverStop.ReadOnly, Verify = SwitchoverVerify.None }, SwitchoverEngine.Logical, rollback: true,
            new SwitchoverLimits(), []);

        OperationResult result = await RunAsync(plan);

        Assert.Equal(OperationOutcome.Succeeded, result.Outcome);
        Assert.Equal("begin lock catchup pause fence drain sequences turn open flip finish back unlock", string.Join(' ', _fake.Calls));
    }

    [Fact]
    public void A_plan_with_a_failed_check_has_no_steps()
    {
        OperationPlan plan = SwitchoverPlanner.Plan(
            "id", "old", "new", _options, SwitchoverEngine.Logical, rollback: false, new SwitchoverLimits(),
            [new PreflightCheck("SameDatabase", CheckStatus.Failed, "it is")]);

        Assert.Empty(plan.Steps);
    }

    [Theory]
    [InlineData("drain", "unfence release cancel")]
    [InlineData("open", "close turnback unfence release cancel")]
    [InlineData("copy", "cancel")]
    public async Task A_step_that_fails_before_the_flip_is_taken_back_to_the_source(string call, string undone)
    {
        _fake.Fail(call, new PgClusterException(Reason.PostgresUnavailable, "gone"));

        OperationResult result = await RunAsync(Plan(_options));

        Assert.Equal(OperationOutcome.RolledBack, result.Outcome);
        Assert.Equal(undone, string.Join(' ', _fake.Calls.SkipWhile(c => c != call).Skip(1).Where(c => c != "unlock")));
        Assert.DoesNotContain("flip", _fake.Calls);
    }

    [Fact]
    public async Task A_flip_that_did_not_happen_is_taken_back()
    {
        _fake.Fail("flip", new PgClusterException(Reason.PlanStale, "it was reset"));

        OperationResult result = await RunAsync(Plan(_options));

        Assert.Equal(OperationOutcome.RolledBack, result.Outcome);
        Assert.DoesNotContain("switch", _fake.Calls);
        Assert.Contains("close", _fake.Calls);
    }

    [Fact]
    public async Task After_a_flip_of_which_nobody_knows_nothing_is_decided()
    {
        _fake.Fail("flip", new PgClusterException(Reason.PostgresUnavailable, "the source does not answer"));

        OperationResult result = await RunAsync(Plan(_options));

        Assert.Equal(OperationOutcome.NeedsOperator, result.Outcome);
        Assert.Equal("flip unlock", string.Join(' ', _fake.Calls.SkipWhile(c => c != "flip")));
    }

    [Theory]
    [InlineData("nodes", "one restarted")]
    [InlineData("poolers", "a pooler no longer holds its clients back")]
    [InlineData("fence", "the session that held the tables locked was lost")]
    public async Task Whoever_lets_go_before_the_flip_calls_it_off(string who, string why)
    {
        _fake.LetGo("sequences", who);

        OperationResult result = await RunAsync(Plan(_options));

        Assert.Equal((OperationOutcome.RolledBack, Reason.SwitchoverCalledOff), (result.Outcome, result.Error!.Reason));
        Assert.Contains(why, result.Error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("flip", _fake.Calls);
    }

    [Fact]
    public async Task The_nodes_cannot_stop_a_run_after_the_flip()
    {
        _fake.LetGo("flip", "nodes");

        OperationResult result = await RunAsync(Plan(_options));

        Assert.Equal(OperationOutcome.Succeeded, result.Outcome);
    }

    [Theory]
    [InlineData(SwitchoverEngine.Logical, false, "shop", true)]
    [InlineData(SwitchoverEngine.Changelog, false, "shop", false)]
    [InlineData(SwitchoverEngine.Logical, true, "shop", false)]
    [InlineData(SwitchoverEngine.Logical, false, "bank", false)]
    public void Only_a_run_of_the_same_tables_and_engine_is_gone_on_with(SwitchoverEngine engine, bool rollback, string schema, bool expected)
    {
        var before = new SwitchoverDefinition(_options with { Schemas = [schema], Jobs = 7 }, engine, rollback);

        Assert.Equal(expected, new SwitchoverDefinition(_options with { Schemas = ["shop"] }, SwitchoverEngine.Logical).GoesOnWith(SwitchoverDefinition.FromJson(before.ToJson())));
    }

    [Fact]
    public void A_status_carries_words_and_numbers()
    {
        var progress = new SwitchoverProgress(3, 1, 50, 5, 5_000, 500, 1.5, 13.5, "public.t");

        Assert.Equal(("copied", progress), SwitchoverStatusText.Parse(SwitchoverStatusText.Of("copied", progress)));
        Assert.Equal(("plain", null), SwitchoverStatusText.Parse("plain"));
        Assert.Equal(("broken\t{", null), SwitchoverStatusText.Parse("broken\t{"));
    }

    private static OperationPlan Plan(SwitchoverOptions options) =>
        SwitchoverPlanner.Plan("id", "old", "new", options, SwitchoverEngine.Logical, rollback: false, new SwitchoverLimits(), []);

    private Task<OperationResult> RunAsync(OperationPlan plan) => new OperationRunner(TimeProvider.System, TimeSpan.FromSeconds(10)).RunAsync(
        new SwitchoverRun(plan, _fake, _fake, _fake, _fake, null).Steps(), TestContext.Current.CancellationToken);
}
