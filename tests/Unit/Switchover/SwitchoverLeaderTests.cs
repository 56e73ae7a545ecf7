using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Engine.Switchover;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class SwitchoverLeaderTests : IAsyncDisposable
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);

    private static readonly SwitchoverLimits Limits = new() { LeaderTimeout = TimeSpan.FromHours(1) };

    private readonly FakeTimeProvider _time = new();
    private readonly MemoryLog _log = new();
    private readonly SwitchoverLeader _leader;

    public SwitchoverLeaderTests() => _leader = new SwitchoverLeader(
        new() { Id = Guid.NewGuid(), CurrentDbId = Guid.NewGuid(), NextDbId = Guid.NewGuid(), Limits = Limits },
        _log, _log, _time, NullLogger<SwitchoverNode>.Instance);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync() => await _leader.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SW_10_a_run_that_is_called_off_knows_it_while_it_syncs_and_while_it_executes(bool executes)
    {
        var begun = _leader.BeginAsync(Token);
        await _time.WhenTimerAsync(Limits.HelloWindow).WaitAsync(Budget, Token);
        _time.Advance(Limits.HelloWindow);
        await begun.WaitAsync(Budget, Token);
        if (executes)
        {
            await _leader.PauseAsync(Token).WaitAsync(Budget, Token);
        }

        Assert.False(_leader.CalledOff.IsCancellationRequested);
        var off = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = _leader.CalledOff.Register(off.SetResult);
        await _log.AppendAsync(
            new(Guid.NewGuid(), Guid.NewGuid(), SwitchoverMessageType.Cancel, Guid.Empty, SwitchoverMessageText.OfText("lunch")), Token);

        await off.Task.WaitAsync(Budget, Token);
        Assert.Equal("the nodes called it off: lunch", _leader.CalledOffBecause);
    }
}
