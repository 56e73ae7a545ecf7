using Google.Protobuf;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Engine.Store;

namespace PgCluster.Tests.Unit.Etcd;

public sealed class WatchCursorTests
{
    [Fact]
    public void Events_move_the_cursor_behind_them_and_lose_the_namespace()
    {
        var cursor = new WatchCursor(new EtcdKeyspace("/ns"), 10);
        var events = cursor.Accept(Response(30, Put("/ns/k", "v", 12), Deleted("/ns/k", 14)));
        Assert.Equal([new StoreEvent.Put(new StoreEntry("/k", "v", 12, 12, 1)), new StoreEvent.Delete("/k", 14)], events);
        Assert.Equal(15, cursor.Next);
    }

    [Fact]
    public void Events_of_one_transaction_all_come()
    {
        var cursor = New(10);
        Assert.Equal(2, cursor.Accept(Response(12, Put("/a", "1", 12), Put("/b", "2", 12))).Count);
        Assert.Equal(13, cursor.Next);
    }

    [Fact]
    public void What_was_delivered_before_is_dropped()
    {
        var cursor = New(10);
        cursor.Accept(Response(12, Put("/a", "1", 12)));
        var events = cursor.Accept(Response(13, Put("/a", "1", 12), Put("/a", "2", 13)));
        Assert.Equal(13, Assert.Single(events).Revision);
    }

    [Fact]
    public void Progress_moves_the_cursor_and_never_back()
    {
        var cursor = New(10);
        Assert.Empty(cursor.Accept(Response(20)));
        Assert.Equal(21, cursor.Next);
        cursor.Accept(Response(15));
        Assert.Equal(21, cursor.Next);
    }

    [Fact]
    public void The_answer_to_the_creation_is_no_progress()
    {
        var cursor = New(10);
        var created = Response(20);
        created.Created = true;
        cursor.Accept(created);
        Assert.Equal(10, cursor.Next);
    }

    [Fact]
    public void A_compaction_is_a_gap_and_the_watch_goes_on_behind_it()
    {
        var cursor = New(10);
        Assert.Equal([new StoreEvent.Gap(40)], cursor.Accept(new WatchResponse { Header = new() { Revision = 50 }, Canceled = true, CompactRevision = 40 }));
        Assert.Equal(41, cursor.Next);
        cursor.Resume();

        // etcd lets a watch start at the revision of the compaction: no second gap.
        Assert.Equal(40, cursor.StartRevision);
        Assert.Empty(cursor.Accept(Response(50, Put("/k", "old", 40))));
    }

    [Fact]
    public void A_first_stream_starts_where_it_was_told_and_a_resumed_one_a_revision_early()
    {
        var cursor = New(10);
        Assert.Equal(10, cursor.StartRevision);
        cursor.Resume();
        Assert.Equal(9, cursor.StartRevision);

        // Revision 0 would mean "from now on".
        var first = New(1);
        first.Resume();
        Assert.Equal(1, first.StartRevision);
    }

    private static WatchCursor New(long first) => new(new EtcdKeyspace(""), first);

    private static WatchResponse Response(long revision, params Event[] events)
    {
        var response = new WatchResponse { Header = new ResponseHeader { Revision = revision } };
        response.Events.Add(events);
        return response;
    }

    private static Event Put(string key, string value, long revision) => new()
    {
        Type = Event.Types.EventType.Put,
        Kv = new KeyValue
        {
            Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value), CreateRevision = revision, ModRevision = revision, Version = 1,
        },
    };

    private static Event Deleted(string key, long revision) => new()
    {
        Type = Event.Types.EventType.Delete, Kv = new KeyValue { Key = ByteString.CopyFromUtf8(key), ModRevision = revision },
    };
}
