using PgCluster.Adapters.Etcd;
using PgCluster.Engine.Store;

namespace PgCluster.Tests.Unit.Etcd;

/// <summary>What the keys say about a write whose answer was lost.</summary>
public sealed class WriteEvidenceTests
{
    private const long Own = 77;

    private static KeyState Absent => default;
    private static readonly KeyState Old = new("old", 5, 5, 1, 0);

    [Fact]
    public void An_untouched_key_means_not_done() =>
        Assert.Equal(WriteVerdict.NotDone, Judge(new StoreOperation.Put("k", "new"), Old, Old));

    [Fact]
    public void One_write_with_our_value_is_ours_or_the_same() =>
        Assert.Equal(WriteVerdict.SameEffect, Judge(new StoreOperation.Put("k", "new"), Old, new("new", 5, 9, 2, 0)));

    [Fact]
    public void One_write_with_our_value_under_our_lease_is_ours() =>
        Assert.Equal(WriteVerdict.Done, Judge(new StoreOperation.Put("k", "new", new Lease(Own)), Absent, new("new", 9, 9, 1, Own)));

    [Fact]
    public void One_write_with_our_value_under_another_lease_is_not_ours() =>
        Assert.Equal(WriteVerdict.NotDone, Judge(new StoreOperation.Put("k", "new", new Lease(Own)), Absent, new("new", 9, 9, 1, 78)));

    [Fact]
    public void Our_value_under_a_lease_of_another_process_proves_nothing() =>
        Assert.Equal(WriteVerdict.SameEffect, Judge(new StoreOperation.Put("k", "new", new Lease(78)), Absent, new("new", 9, 9, 1, 78)));

    [Fact]
    public void One_write_with_another_value_is_somebody_elses() =>
        Assert.Equal(WriteVerdict.NotDone, Judge(new StoreOperation.Put("k", "new"), Old, new("theirs", 5, 9, 2, 0)));

    [Fact]
    public void Two_writes_may_hide_ours() =>
        Assert.Equal(WriteVerdict.Unknown, Judge(new StoreOperation.Put("k", "new"), Old, new("theirs", 5, 10, 3, 0)));

    [Fact]
    public void A_key_deleted_and_made_again_may_hide_ours() =>
        Assert.Equal(WriteVerdict.Unknown, Judge(new StoreOperation.Put("k", "new"), Old, new("theirs", 10, 10, 1, 0)));

    [Fact]
    public void A_key_that_is_gone_may_have_been_ours_in_between() =>
        Assert.Equal(WriteVerdict.Unknown, Judge(new StoreOperation.Put("k", "new"), Old, Absent));

    [Fact]
    public void A_key_still_there_was_not_deleted() =>
        Assert.Equal(WriteVerdict.NotDone, Judge(new StoreOperation.Delete("k"), Old, new("theirs", 5, 9, 2, 0)));

    [Fact]
    public void A_key_gone_was_deleted_by_us_or_somebody() =>
        Assert.Equal(WriteVerdict.SameEffect, Judge(new StoreOperation.Delete("k"), Old, Absent));

    [Fact]
    public void A_key_made_again_may_have_been_deleted_by_us() =>
        Assert.Equal(WriteVerdict.Unknown, Judge(new StoreOperation.Delete("k"), Old, new("theirs", 10, 10, 1, 0)));

    [Fact]
    public void A_transaction_is_done_whole_or_not_at_all()
    {
        StoreOperation[] both = [new StoreOperation.Put("a", "1"), new StoreOperation.Put("b", "2")];
        var before = Snapshot(("a", Absent), ("b", Absent));
        Assert.Equal(WriteVerdict.SameEffect, Judge(both, before, Snapshot(("a", new("1", 9, 9, 1, 0)), ("b", new("2", 9, 9, 1, 0)))));
        Assert.Equal(WriteVerdict.NotDone, Judge(both, before, Snapshot(("a", new("1", 9, 9, 1, 0)), ("b", Absent))));
        Assert.Equal(WriteVerdict.NotDone, Judge(both, before, Snapshot(("a", new("1", 9, 9, 1, 0)), ("b", new("2", 10, 10, 1, 0)))));
    }

    [Fact]
    public void A_write_on_condition_of_a_key_under_our_lease_is_ours()
    {
        var before = Snapshot(("lock", new("me", 3, 3, 1, Own)), ("k", Old));
        var now = Snapshot(("lock", new("me", 3, 3, 1, Own)), ("k", new("new", 5, 9, 2, 0)));
        Assert.Equal(WriteVerdict.Done, Judge([new StoreOperation.Put("k", "new")], before, now));
    }

    private static WriteVerdict Judge(StoreOperation operation, KeyState before, KeyState now) =>
        Judge([operation], Snapshot(("k", before)), Snapshot(("k", now)));

    private static WriteVerdict Judge(IReadOnlyList<StoreOperation> operations, KeySnapshot before, KeySnapshot now) =>
        WriteEvidence.Judge(operations, before, now, lease => lease == Own);

    private static KeySnapshot Snapshot(params (string Key, KeyState State)[] states) =>
        new(100, states.ToDictionary(state => state.Key, state => state.State));

    private sealed class Lease(long id) : IStoreLease
    {
        public long Id => id;

        public TimeSpan TimeToLive => TimeSpan.Zero;

        public long RenewedAt => 0;

        public CancellationToken Lost => CancellationToken.None;

        public ValueTask AbandonAsync() => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
