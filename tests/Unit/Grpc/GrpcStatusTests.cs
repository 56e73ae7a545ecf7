using System.Net.Sockets;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Tests.Unit.Grpc;

public sealed class GrpcStatusTests
{
    public static TheoryData<Reason> EveryReason => [.. Enum.GetValues<Reason>()];

    [Theory]
    [MemberData(nameof(EveryReason))]
    public void Every_reason_has_a_status_and_comes_back_from_its_trailer(Reason reason)
    {
        GrpcException status = PgCluster.Agent.Grpc.GrpcServerResponse.ToStatus(new PgClusterException(reason, "why"));

        Assert.Equal(reason, status.Reason);
        Assert.Equal("why", status.Detail);
        // Internal tells a client nothing, so only the reason that is one may become it.
        Assert.Equal(reason == Reason.Internal, status.StatusCode == GrpcStatusCode.Internal);
    }

    [Theory]
    [InlineData("NoSuchReason")]
    [InlineData("6")]
    [InlineData("lockheld")]
    [InlineData("")]
    public void A_reason_of_another_version_is_none(string name) =>
        Assert.Null(new GrpcException(GrpcStatusCode.Aborted, "") { Trailers = [new("pgcluster-reason", name)] }.Reason);

    [Fact]
    public void What_else_goes_wrong_in_a_handler_tells_nothing() =>
        Assert.DoesNotContain(
            "secret",
            PgCluster.Agent.Grpc.GrpcServerResponse.ToStatus(new InvalidOperationException("secret")).ToString(),
            StringComparison.Ordinal);

    [Fact]
    public void The_callers_own_cancellation_comes_before_everything_else()
    {
        using var caller = new CancellationTokenSource();
        using var scope = new GrpcCallScope(TimeProvider.System, TimeSpan.FromHours(1), caller.Token);
        caller.Cancel();

        Exception named = scope.Translate(new IOException("broken"), TestContext.Current.CancellationToken);

        Assert.Equal(caller.Token, Assert.IsType<OperationCanceledException>(named).CancellationToken);
    }

    [Fact]
    public void A_passed_deadline_names_every_failure()
    {
        var clock = new ManualTimer();
        using var scope = new GrpcCallScope(clock, TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        Assert.False(scope.Token.IsCancellationRequested);
        Assert.Equal(TimeSpan.FromSeconds(5), clock.DueTime);

        clock.Fire();

        Assert.True(scope.Token.IsCancellationRequested);
        GrpcException named = Assert.IsType<GrpcException>(scope.Translate(new IOException("broken"), TestContext.Current.CancellationToken));
        Assert.Equal(GrpcStatusCode.DeadlineExceeded, named.StatusCode);
    }

    [Fact]
    public void A_deadline_of_nothing_passes_at_once() =>
        Assert.Equal(
            GrpcStatusCode.DeadlineExceeded,
            Assert.Throws<GrpcException>(
                () => new GrpcCallScope(TimeProvider.System, TimeSpan.Zero, TestContext.Current.CancellationToken)).StatusCode);

    [Fact]
    public void A_failure_is_named_by_what_caused_it()
    {
        using var scope = new GrpcCallScope(TimeProvider.System, null, TestContext.Current.CancellationToken);

        Assert.Equal(GrpcStatusCode.Unavailable, Named(new HttpRequestException("x", new SocketException((int)SocketError.ConnectionRefused))));
        Assert.Equal(GrpcStatusCode.Unavailable, Named(new HttpIOException(HttpRequestError.ResponseEnded)));
        Assert.Equal(GrpcStatusCode.Unavailable, Named(new TaskCanceledException("x", new TimeoutException())));
        Assert.Equal(GrpcStatusCode.Cancelled, Named(new HttpRequestException("x", new HttpProtocolException(8, "x", null))));
        Assert.Equal(GrpcStatusCode.ResourceExhausted, Named(new HttpProtocolException(11, "x", null)));
        Assert.Equal(GrpcStatusCode.Internal, Named(new HttpProtocolException(2, "x", null)));
        Assert.Equal(GrpcStatusCode.NotFound, Named(new HttpRequestException("x", new GrpcException(GrpcStatusCode.NotFound, "x"))));

        GrpcStatusCode Named(Exception e) => Assert.IsType<GrpcException>(scope.Translate(e)).StatusCode;
    }

    /// <summary>A clock with one timer, which fires when told.</summary>
    private sealed class ManualTimer : TimeProvider
    {
        private Action? _fire;

        internal TimeSpan DueTime { get; private set; }

        internal void Fire() => _fire!();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            DueTime = dueTime;
            _fire = () => callback(state);
            return new Timer();
        }

        private sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
