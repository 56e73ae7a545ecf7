using PgCluster.Engine.Switchover;
using PgCluster.Tests.Unit.Support;
using static PgCluster.Tests.Unit.Switchover.Messages;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class SwitchoverNodeTests : IAsyncDisposable
{
    // Far more than it takes: a machine that does much else, too, may let a test wait for its turn.
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(2);

    /// <summary>A leader's silence is far away, so that no step of the clock comes near it unless a test means it.</summary>
    private static readonly SwitchoverLimits Limits = new() { LeaderTimeout = TimeSpan.FromHours(1) };

    private readonly FakeTimeProvider _time = new();
    private readonly MemoryLog _log = new();
    private readonly FakePart _leaderPart = new();
    private readonly FakePart _otherPart = new();
    private readonly FakeExecutor _executor = new();
    private readonly SwitchoverNode _leader;
    private readonly SwitchoverNode _other;

    public SwitchoverNodeTests()
    {
        _leader = Make(Leader, _leaderPart, _executor);
        _other = Make(Other, _otherPart, null);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _log.IsCut = false;
        var end = Task.WhenAll(_other.DisposeAsync().AsTask(), _leader.DisposeAsync().AsTask());
        await AdvanceUntilAsync(() => end.IsCompleted);
        await end;
    }

    [Fact]
    public async Task A_run_goes_through_to_its_end()
    {
        await IdleAsync();
        Assert.Equal(Leader, _other.View.Leader);
        await _leader.ExecuteAsync(Token);
        await ReachAsync(SwitchoverState.Syncing);
        await AdvanceUntilAsync(() => _other.View.LastStatus == "sync public.t: 1/2");
        _executor.Sync.SetResult();
        await ReachAsync(SwitchoverState.Pausing);
        _leaderPart.Pause.SetResult();
        await _otherPart.PauseAsked.Task.WaitAsync(Budget, Token);
        Assert.Equal(SwitchoverState.Pausing, _other.View.State);
        _otherPart.Pause.SetResult();
        await ReachAsync(SwitchoverState.Executing);
        Assert.False(_otherPart.Resumed.Task.IsCompleted);
        _executor.Exec.SetResult();

        await ReachAsync(SwitchoverState.Done);
        await _leaderPart.Resumed.Task.WaitAsync(Budget, Token);
        await _otherPart.Resumed.Task.WaitAsync(Budget, Token);
        Assert.Equal(SwitchoverState.Done, (await SwitchoverReplay.ReadAsync(_log, Token)).State);
    }

    [Fact]
    public async Task SW_12_without_an_executor_a_reset_ends_in_unknown()
    {
        await _other.StartAsync(Token);
        await _other.ResetAsync(Token);
        await ReachAsync(_other, view => view.Nodes.Count == 1);
        Assert.Equal(SwitchoverState.Resetting, _other.View.State);

        _time.Advance(TimeSpan.FromSeconds(14.9));
        Assert.Equal(SwitchoverState.Resetting, _other.View.State);
        _time.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Equal((SwitchoverState.Unknown, "reset failed: no participant can execute"), (_other.View.State, _other.View.LastError));
    }

    [Fact]
    public async Task SW_15_execute_needs_idle()
    {
        await RefusedAsync();
        await IdleAsync();
        await _other.ExecuteAsync(Token);
        await RefusedAsync();

        async Task RefusedAsync()
        {
            var error = await Assert.ThrowsAsync<PgClusterException>(() => _other.ExecuteAsync(Token));
            Assert.Equal(Reason.SwitchoverNotReady, error.Reason);
            Assert.StartsWith("cannot execute unless idle", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task SW_16_reset_after_the_flip_is_refused_and_changes_nothing()
    {
        await IdleAsync();
        var before = _log.Messages.Count;
        _log.Pointer = SwitchoverPointer.UseNextDb;

        var error = await Assert.ThrowsAsync<PgClusterException>(() => _other.ResetAsync(Token));

        Assert.Equal(Reason.StaleDatabase, error.Reason);
        Assert.Contains("switchover state is use_next_db", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, _log.Messages.Count);
    }

    [Fact]
    public async Task A_database_that_is_gone_keeps_nobody_paused()
    {
        await ExecutingAsync();
        _log.IsCut = true;

        _time.Advance(Limits.LeaderTimeout);

        await _otherPart.Resumed.Task.WaitAsync(Budget, Token);
        await _leaderPart.Resumed.Task.WaitAsync(Budget, Token);
        await _executor.ExecCancelled.Task.WaitAsync(Budget, Token);
        Assert.Equal("the leader fell silent", _other.View.LastError);
    }

    [Fact]
    public async Task A_leader_that_leaves_ends_the_run()
    {
        await ExecutingAsync();

        await _leader.DisposeAsync();

        await ReachAsync(_other, view => view.State == SwitchoverState.Unknown);
        await _otherPart.Resumed.Task.WaitAsync(Budget, Token);
        Assert.True(_leaderPart.Resumed.Task.IsCompleted);
        Assert.True(_executor.ExecCancelled.Task.IsCompleted);
        Assert.Contains(_log.Messages, message => message.Type == SwitchoverMessageType.Cancel && message.Node == Leader);
    }

    [Fact]
    public async Task A_failure_of_the_leaders_work_reaches_everybody_and_a_resume_is_tried_again()
    {
        _otherPart.ResumeError = new InvalidOperationException("stuck");
        await ExecutingAsync();

        _executor.Exec.SetException(new InvalidOperationException("disk full"));

        await ReachAsync(SwitchoverState.Unknown);
        Assert.Equal("disk full", _other.View.LastError);
        await AdvanceUntilAsync(() => _otherPart.Resumed.Task.IsCompleted);
    }

    [Fact]
    public async Task A_pause_that_takes_too_long_ends_the_run()
    {
        await IdleAsync();
        await _leader.ExecuteAsync(Token);
        _executor.Sync.SetResult();
        await _otherPart.PauseAsked.Task.WaitAsync(Budget, Token);
        await _leaderPart.PauseAsked.Task.WaitAsync(Budget, Token);

        await AdvanceUntilAsync(() => _other.View.State == SwitchoverState.Unknown);

        Assert.Contains("not paused within", _other.View.LastError, StringComparison.Ordinal);
        await _otherPart.Resumed.Task.WaitAsync(Budget, Token);
    }

    private SwitchoverNode Make(Guid id, IPausable application, ISwitchoverExecutor? executor) => new(
        new() { Id = id, CurrentDbId = Id(101), NextDbId = Id(102), Limits = Limits },
        _log, _log, application, executor, _time, new RecordingLogger<SwitchoverNode>());

    private async Task IdleAsync()
    {
        await _leader.StartAsync(Token);
        await _other.StartAsync(Token);
        await _other.ResetAsync(Token);
        await ReachAsync(_leader, view => view.Nodes.Count == 2);
        await ReachAsync(_other, view => view.Nodes.Count == 2);
        _time.Advance(TimeSpan.FromSeconds(3));
        await ReachAsync(SwitchoverState.Idle);
    }

    private async Task ExecutingAsync()
    {
        await IdleAsync();
        await _leader.ExecuteAsync(Token);
        _executor.Sync.SetResult();
        _leaderPart.Pause.SetResult();
        _otherPart.Pause.SetResult();
        await ReachAsync(SwitchoverState.Executing);
        await _executor.ExecStarted.Task.WaitAsync(Budget, Token);
    }

    private async Task ReachAsync(SwitchoverState state)
    {
        await ReachAsync(_leader, view => view.State == state);
        await ReachAsync(_other, view => view.State == state);
    }

    private static Task<SwitchoverView> ReachAsync(SwitchoverNode node, Func<SwitchoverView, bool> condition) =>
        node.WaitUntilAsync(condition, Token).WaitAsync(Budget, Token);

    /// <summary>Lets time pass in steps that a leader's heartbeat keeps up with.</summary>
    private async Task AdvanceUntilAsync(Func<bool> condition)
    {
        for (var step = 0; !condition(); step++)
        {
            Assert.True(step < 2000, "it does not happen");
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
            await Task.Delay(1, Token);
        }
    }
}
