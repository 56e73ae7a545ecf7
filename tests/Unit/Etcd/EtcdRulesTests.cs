using System.Security.Authentication;
using Google.Protobuf;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Store;

namespace PgCluster.Tests.Unit.Etcd;

public sealed class EtcdRulesTests
{
    [Theory]
    [InlineData("/ns", "/k", "/ns/k", "/ns/l")]
    [InlineData("", "a", "a", "b")]
    [InlineData("/ns", "", "/ns", "/nt")]
    public void A_prefix_is_a_range_within_the_namespace(string ns, string prefix, string first, string end)
    {
        var range = new EtcdKeyspace(ns).ToRange(prefix);
        Assert.Equal((first, end), (range.Key.ToStringUtf8(), range.End.ToStringUtf8()));
    }

    [Fact]
    public void Everything_is_a_range_from_zero_to_zero() =>
        Assert.Equal((ByteString.CopyFrom(0), ByteString.CopyFrom(0)), new EtcdKeyspace("").ToRange(""));

    [Fact]
    public void Keys_lose_their_namespace_on_the_way_back()
    {
        var keys = new EtcdKeyspace("/größe");
        Assert.Equal("/größe/ä", keys.ToWire("/ä").ToStringUtf8());
        Assert.Equal("/ä", keys.FromWire(keys.ToWire("/ä")));
        Assert.Equal(Reason.InvalidArgument, Assert.Throws<PgClusterException>(() => new EtcdKeyspace("").ToWire("")).Reason);
    }

    [Fact]
    public void Pauses_double_up_to_the_limit_and_are_cut_by_at_most_half()
    {
        var chance = 1.0;
        var backoff = new Backoff(TimeSpan.FromMilliseconds(100), () => chance);
        Assert.Equal([10, 20, 40, 80, 100, 100], Enumerable.Range(0, 6).Select(_ => backoff.Next().TotalMilliseconds));
        backoff.Reset();
        chance = 0;
        Assert.Equal([5, 10], Enumerable.Range(0, 2).Select(_ => backoff.Next().TotalMilliseconds));
    }

    [Fact]
    public void Each_member_has_a_short_try_and_then_each_a_longer_one()
    {
        var time = new ManualTime();
        var budget = new RequestBudget(TimeSpan.FromSeconds(2.7), TimeSpan.FromSeconds(0.3), 2, time, CancellationToken.None);
        var lengths = new List<double>();
        var pauses = new List<bool>();
        while (budget.NextTry() is var length && length > TimeSpan.Zero)
        {
            lengths.Add(Math.Round(length.TotalSeconds, 3));
            time.Advance(length);
            pauses.Add(budget.Failed(new GrpcException(GrpcStatusCode.DeadlineExceeded, "")) > TimeSpan.Zero);
        }

        Assert.Equal([0.3, 0.3, 0.6, 0.6, 0.9], lengths);
        Assert.Equal([false, true, false, true, false], pauses);
    }

    [Fact]
    public void A_lock_record_comes_back_and_any_other_value_is_somebody_unnamed()
    {
        var since = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var record = LockRecord.Write(new LockHolder("a@b", "failover to \"pg02\""), since);
        Assert.Equal("{\"name\":\"a@b\",\"purpose\":\"failover to \\u0022pg02\\u0022\",\"since\":\"2026-01-02T03:04:05+00:00\"}", record.ToStringUtf8());
        Assert.Equal(new LockHolder("a@b", "failover to \"pg02\""), LockRecord.Read(record));
        foreach (var other in new[] { "", "x", "[]", "7", "{}", "{\"name\":7}" })
        {
            Assert.Equal(new LockHolder("", ""), LockRecord.Read(ByteString.CopyFromUtf8(other)));
        }
    }

    [Theory]
    [InlineData(GrpcStatusCode.Unavailable, true, "Retry")]
    [InlineData(GrpcStatusCode.DeadlineExceeded, true, "Retry")]
    [InlineData(GrpcStatusCode.Unknown, true, "Retry")]
    [InlineData(GrpcStatusCode.Unauthenticated, true, "Token")]
    [InlineData(GrpcStatusCode.InvalidArgument, true, "Token")]
    [InlineData(GrpcStatusCode.InvalidArgument, false, "Final")]
    [InlineData(GrpcStatusCode.PermissionDenied, true, "Final")]
    [InlineData(GrpcStatusCode.NotFound, true, "Final")]
    [InlineData(GrpcStatusCode.Unimplemented, true, "Final")]
    public void Statuses_say_whether_to_try_again(GrpcStatusCode status, bool hasUser, string expected) =>
        Assert.Equal(expected, EtcdErrors.Classify(new GrpcException(status, ""), hasUser).ToString());

    [Theory]
    [InlineData(GrpcStatusCode.PermissionDenied, "", Reason.AccessDenied)]
    [InlineData(GrpcStatusCode.Unauthenticated, "", Reason.AccessDenied)]
    [InlineData(GrpcStatusCode.InvalidArgument, "etcdserver: user name is empty", Reason.AccessDenied)]
    [InlineData(GrpcStatusCode.InvalidArgument, "etcdserver: request is too large", Reason.InvalidArgument)]
    [InlineData(GrpcStatusCode.NotFound, "", Reason.LockLost)]
    [InlineData(GrpcStatusCode.Unimplemented, "", Reason.StoreUnavailable)]
    public void Final_statuses_have_a_reason(GrpcStatusCode status, string detail, Reason expected) =>
        Assert.Equal(expected, EtcdErrors.ReasonOf(new GrpcException(status, detail)));

    [Fact]
    public void Certificates_that_do_not_fit_are_recognised_by_type()
    {
        Assert.True(EtcdErrors.IsCertificateRefusal(
            new GrpcException(GrpcStatusCode.Unavailable, "", new HttpRequestException("", new AuthenticationException()))));
        Assert.False(EtcdErrors.IsCertificateRefusal(new GrpcException(GrpcStatusCode.Unavailable, "", new IOException())));
    }

    [Fact]
    public void Options_that_cannot_be_used_say_which()
    {
        var good = new Uri("http://127.0.0.1:2379");
        Assert.Equal("", Problem(new EtcdOptions { Endpoints = [good] }));
        Assert.Contains("endpoint", Problem(new EtcdOptions { Endpoints = [] }), StringComparison.Ordinal);
        Assert.Contains("ftp://h:1", Problem(new EtcdOptions { Endpoints = [new Uri("ftp://u:geheim@h:1")] }), StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", Problem(new EtcdOptions { Endpoints = [new Uri("ftp://u:geheim@h:1")] }), StringComparison.Ordinal);
        Assert.Contains("plain http", Problem(new EtcdOptions { Endpoints = [good], Tls = new GrpcTlsOptions("ca", null, null) }), StringComparison.Ordinal);
        Assert.Contains("password", Problem(new EtcdOptions { Endpoints = [good], User = "u" }), StringComparison.Ordinal);
        Assert.Contains("Timeout", Problem(new EtcdOptions { Endpoints = [good], Timeout = TimeSpan.Zero }), StringComparison.Ordinal);
        Assert.Contains("DialTimeout", Problem(new EtcdOptions { Endpoints = [good], DialTimeout = TimeSpan.Zero }), StringComparison.Ordinal);
        Assert.Contains("KeepAliveTime", Problem(new EtcdOptions { Endpoints = [good], KeepAliveTime = TimeSpan.Zero }), StringComparison.Ordinal);
        Assert.Contains("KeepAliveTimeout", Problem(new EtcdOptions { Endpoints = [good], KeepAliveTimeout = TimeSpan.Zero }), StringComparison.Ordinal);

        static string Problem(EtcdOptions options)
        {
            try
            {
                options.Validate();
                return "";
            }
            catch (PgClusterException e)
            {
                Assert.Equal(Reason.InvalidConfiguration, e.Reason);
                return e.Message;
            }
        }
    }

    [Fact]
    public void Conditions_hold_here_as_they_hold_in_etcd()
    {
        var keys = new KeySnapshot(9, new Dictionary<string, KeyState> { ["k"] = new("v", 3, 5, 2, 0), ["no"] = default });
        Assert.True(keys.Satisfies([]));
        Assert.True(keys.Satisfies(
        [
            new StoreCondition.Absent("no"), new StoreCondition.ModRevisionIs("no", 0), new StoreCondition.CreateRevisionIs("no", 0),
            new StoreCondition.ModRevisionIs("k", 5), new StoreCondition.CreateRevisionIs("k", 3), new StoreCondition.ValueIs("k", "v"),
        ]));
        foreach (var failing in new StoreCondition[]
                 {
                     new StoreCondition.Absent("k"), new StoreCondition.ModRevisionIs("k", 4), new StoreCondition.CreateRevisionIs("k", 5),
                     new StoreCondition.ValueIs("k", "w"), new StoreCondition.ValueIs("no", ""),
                 })
        {
            Assert.False(keys.Satisfies([new StoreCondition.ValueIs("k", "v"), failing]), $"{failing}");
        }
    }

    // The numbers are etcd's: a change here would be silent until a real server is asked.
    [Fact]
    public void Field_numbers_are_those_of_etcd()
    {
        static int[] Numbers(Google.Protobuf.Reflection.MessageDescriptor message) => [.. message.Fields.InDeclarationOrder().Select(f => f.FieldNumber)];

        Assert.Equal([1, 2, 3, 4, 5, 6], Numbers(KeyValue.Descriptor));
        Assert.Equal([1, 2, 3, 5, 6, 8, 13], Numbers(RangeRequest.Descriptor));
        Assert.Equal([1, 2, 3, 4, 5, 6, 11], Numbers(WatchResponse.Descriptor));
        Assert.Equal([1, 2, 3, 4], Numbers(WatchCreateRequest.Descriptor));
        Assert.Equal([1, 2, 4], Numbers(StatusResponse.Descriptor));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], Numbers(Compare.Descriptor));
    }

    private sealed class ManualTime : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => _ticks += by.Ticks;

        public override long GetTimestamp() => _ticks;
    }
}
