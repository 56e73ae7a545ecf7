using Microsoft.Extensions.Logging.Abstractions;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class RedirectSettlerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(25);
    private static readonly Redirect Pending = new(
        Guid.Parse("11111111-2222-3333-4444-555555555555"), RedirectState.Pending, "db.new", 5432, "orders", "orders");

    private readonly FakeTimeProvider _time = new();
    private readonly IPostgresServer _server = Substitute.For<IPostgresServer>();
    private readonly IClusterStore _store = Substitute.For<IClusterStore>();
    private readonly List<(StoreCondition Condition, StoreOperation Operation)> _written = [];
    private readonly RedirectSettler _settler;

    public RedirectSettlerTests()
    {
        _settler = new RedirectSettler(_server, _store, Patience, _time, NullLogger.Instance);
        _store.CommitAsync(default!, default!, default).ReturnsForAnyArgs(call =>
        {
            _written.Add((call.Arg<IReadOnlyList<StoreCondition>>().Single(), call.Arg<IReadOnlyList<StoreOperation>>().Single()));
            Stands(call.Arg<IReadOnlyList<StoreOperation>>().Single() is StoreOperation.Put put ? put.Value : null);
            return new StoreCommit(true, 8);
        });
        Stands(Pending.ToJson());
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_flipped_is_activated_under_the_clients_own_lock_too()
    {
        Points(SourcePointer.UseNextDatabase);

        await _settler.TurnAsync(locked: true, Token);
        await _settler.TurnAsync(locked: true, Token);

        var (condition, operation) = Assert.Single(_written);
        Assert.Equal(new StoreCondition.ModRevisionIs(StoreKeys.Redirect, 7), condition);
        Assert.Equal(new StoreOperation.Put(StoreKeys.Redirect, (Pending with { State = RedirectState.Active }).ToJson()), operation);
    }

    [Fact]
    public async Task What_was_aborted_is_withdrawn_when_the_lock_has_been_free_for_long_enough_without_a_break()
    {
        Points("idle");
        await _settler.TurnAsync(locked: false, Token);
        _time.Advance(Patience - TimeSpan.FromSeconds(1));
        await _settler.TurnAsync(locked: true, Token);
        _time.Advance(TimeSpan.FromSeconds(1));
        await _settler.TurnAsync(locked: false, Token);
        _time.Advance(Patience - TimeSpan.FromTicks(1));
        await _settler.TurnAsync(locked: false, Token);
        Assert.Empty(_written);

        _time.Advance(TimeSpan.FromTicks(1));
        await _settler.TurnAsync(locked: false, Token);

        Assert.Equal(new StoreOperation.Delete(StoreKeys.Redirect), Assert.Single(_written).Operation);
    }

    [Fact]
    public async Task An_earlier_runs_time_does_not_count()
    {
        Points("idle");
        await _settler.TurnAsync(locked: false, Token);
        _time.Advance(Patience);
        Stands((Pending with { RunId = Guid.NewGuid() }).ToJson());

        await _settler.TurnAsync(locked: false, Token);

        Assert.Empty(_written);
    }

    [Fact]
    public async Task A_pointer_that_cannot_be_read_changes_nothing_and_stops_nobody()
    {
        _server.ReadPointerAsync("orders", Arg.Any<CancellationToken>()).ThrowsAsync(new PgClusterException(Reason.PostgresUnavailable, "no answer"));
        await _settler.TurnAsync(locked: false, Token);
        _time.Advance(Patience);

        await _settler.TurnAsync(locked: false, Token);

        Assert.Empty(_written);
    }

    [Fact]
    public async Task Without_a_pending_redirect_nobody_is_asked()
    {
        Stands(null);
        await _settler.TurnAsync(locked: false, Token);
        Stands((Pending with { State = RedirectState.Active }).ToJson());
        await _settler.TurnAsync(locked: false, Token);

        Assert.Empty(_server.ReceivedCalls());
        Assert.Empty(_written);
    }

    private void Points(string state) =>
        _server.ReadPointerAsync("orders", Arg.Any<CancellationToken>()).Returns(new SourcePointer(state, Pending.RunId));

    private void Stands(string? json) => _store.GetAsync(StoreKeys.Redirect, Arg.Any<CancellationToken>())
        .Returns(json is null ? null : new StoreEntry(StoreKeys.Redirect, json, 5, 7, 2));
}
