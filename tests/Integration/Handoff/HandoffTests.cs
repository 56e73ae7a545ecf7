using System.Net;
using System.Net.Sockets;
using PgCluster.Handoff;
using PgCluster.Tests.Integration.Fixtures;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>Processes that take over from one another: tableroll's cases TR-1 and TR-3 to TR-10.</summary>
public sealed class HandoffTests : IAsyncDisposable
{
    private readonly HandoffFolder _folder = new();

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Fact]
    public async Task TR_1_a_request_that_runs_is_finished_by_the_old_one_and_new_ones_go_to_the_new()
    {
        var old = await _folder.OwnerAsync("p0", "--gc", "--echo", "api=127.0.0.1:0");
        var api = await old.EndPointAsync("api");
        for (var i = 1; i <= 5; i++)
        {
            old = await UpgradeAsync(old, $"p{i - 1}", $"p{i}", api, "--gc");
        }
    }

    [Fact]
    public async Task TR_3_an_id_can_be_used_again_when_its_process_is_gone()
    {
        var first = await _folder.OwnerAsync("1", "--echo", "api=127.0.0.1:0");
        var api = await first.EndPointAsync("api");
        var second = await _folder.OwnerAsync("2", "--echo", "api=127.0.0.1:0");
        Assert.Equal(0, await first.ExitAsync());

        await _folder.OwnerAsync("1", "--echo", "api=127.0.0.1:0");

        Assert.Equal(0, await second.ExitAsync());
        Assert.Equal("1 hello", await EchoClient.AskAsync(api, "hello"));
        Assert.Equal("1", _folder.Owner);
    }

    [Fact]
    public async Task TR_3_an_id_can_be_used_again_while_its_process_drains()
    {
        var first = await _folder.OwnerAsync("1", "--echo", "api=127.0.0.1:0");
        var api = await first.EndPointAsync("api");
        await using var running = await EchoClient.ConnectAsync(api);
        Assert.Equal("1 before", await running.AskAsync("before"));
        await _folder.OwnerAsync("2", "--echo", "api=127.0.0.1:0");
        await first.SaysAsync("complete Draining");

        var again = await _folder.OwnerAsync("1", "--echo", "api=127.0.0.1:0");
        await first.SaysAsync("let-go");
        await running.DisposeAsync();
        Assert.Equal(0, await first.ExitAsync());

        Assert.Equal("1", _folder.Owner);
        Assert.True(File.Exists(_folder.SocketOf("1")));
        await _folder.OwnerAsync("3", "--echo", "api=127.0.0.1:0");
        Assert.Equal(0, await again.ExitAsync());
        Assert.Equal("3 hello", await EchoClient.AskAsync(api, "hello"));
    }

    [Fact]
    public async Task TR_4_a_successor_that_is_never_ready_lets_another_come()
    {
        var clock = new FakeTimeProvider();
        var a = await _folder.PartAsync("a", clock);
        a.Descriptors.Listen("api", new IPEndPoint(IPAddress.Loopback, 0)).Dispose();
        await a.ReadyAsync(TestContext.Current.CancellationToken);
        var b = await _folder.PartAsync("b");

        clock.Advance(TimeSpan.FromMinutes(3));
        await b.UpgradeComplete.WaitAsync(Poll.Budget, TestContext.Current.CancellationToken);

        Assert.Equal((HandoffState.Owner, HandoffState.Stopped), (a.State, b.State));
        Assert.Equal(HandoffError.OwnerLost, (await Assert.ThrowsAsync<HandoffException>(() => b.ReadyAsync(TestContext.Current.CancellationToken))).Error);
        var c = await _folder.PartAsync("c");
        using var api = c.Descriptors.FindListener("api");
        await c.ReadyAsync(TestContext.Current.CancellationToken);
        await a.UpgradeComplete.WaitAsync(Poll.Budget, TestContext.Current.CancellationToken);
        Assert.NotNull(api);
        Assert.Equal((HandoffState.Draining, HandoffState.Owner), (a.State, c.State));
    }

    [Fact]
    public async Task TR_5_cancelling_what_started_it_has_no_effect_later()
    {
        var first = await _folder.OwnerAsync("a", "--echo", "api=127.0.0.1:0");
        var api = await first.EndPointAsync("api");
        var second = _folder.Daemon("b", "--echo", "api=127.0.0.1:0");
        await second.SaysAsync("serving");

        second.Tell("cancel");
        second.Tell("ready");
        await second.SaysAsync("ready");

        Assert.Equal(0, await first.ExitAsync());
        Assert.Equal("b hello", await EchoClient.AskAsync(api, "hello"));
    }

    [Fact]
    public async Task TR_6_a_successor_that_comes_too_late_is_not_the_owner()
    {
        var clock = new FakeTimeProvider();
        var a = await _folder.PartAsync(_folder.Options("a") with { TimeProvider = clock, UpgradeTimeout = TimeSpan.FromMilliseconds(30) });
        await a.ReadyAsync(TestContext.Current.CancellationToken);
        var b = _folder.Daemon("b", "--hold", "DescriptorsReceived");
        await b.SaysAsync("held");

        clock.Advance(TimeSpan.FromMilliseconds(30));
        await Poll.UntilAsync("the owner has given up", () => a.State == HandoffState.Owner);
        b.Tell("continue");

        Assert.Equal("Stopped", await b.SaysAsync("complete"));
        Assert.Equal("OwnerLost 'a' was stopped, or 'b' was not ready within 0.03 s.", await b.AskAsync("ready", "failed"));
        Assert.Equal(3, await b.ExitAsync());
        Assert.Equal("a", _folder.Owner);
    }

    [Fact]
    public async Task TR_6_a_successor_whose_ready_comes_when_the_time_is_up_is_not_the_owner()
    {
        var clock = new FakeTimeProvider();
        var a = await _folder.PartAsync(
            _folder.Options("a") with { TimeProvider = clock, Logger = new OnStep("ReadyReceived", () => clock.Advance(TimeSpan.FromMinutes(1))) });
        await a.ReadyAsync(TestContext.Current.CancellationToken);
        var b = await _folder.PartAsync("b");

        var error = await Assert.ThrowsAsync<HandoffException>(() => b.ReadyAsync(TestContext.Current.CancellationToken));

        Assert.Equal(HandoffError.OwnerLost, error.Error);
        Assert.Equal((HandoffState.Owner, HandoffState.Stopped), (a.State, b.State));
        Assert.Equal("a", _folder.Owner);
    }

    [Theory]
    [InlineData("0", "1")]
    [InlineData("1", "0")]
    [InlineData("0", "0")]
    public async Task TR_7_old_and_new_protocols_talk(string owners, string successors)
    {
        var old = await _folder.OwnerAsync("p0", "--protocol", owners, "--version", "1.0", "--echo", "api=127.0.0.1:0");

        var successor = await UpgradeAsync(old, "p0", "p1", await old.EndPointAsync("api"), "--protocol", successors, "--version", "2.0");

        Assert.Equal("p0 - 0", await successor.SaysAsync("started"));
    }

    [Fact]
    public async Task TR_8_after_a_failed_upgrade_the_owners_accept_still_ends()
    {
        var first = await _folder.OwnerAsync("a", "--echo", "tcp=127.0.0.1:0", "--echo", $"unix={_folder.PathOf("api")}");
        var second = _folder.Daemon("b", "--echo", "tcp=127.0.0.1:0", "--echo", $"unix={_folder.PathOf("api")}");
        await second.SaysAsync("serving");
        second.Tell("stop");
        await first.SaysAsync("step TransferFailed");
        second.Tell("exit");
        await second.ExitAsync();
        Assert.Equal("a hello", await EchoClient.AskAsync(await first.EndPointAsync("tcp"), "hello"));

        var third = await _folder.OwnerAsync("c", "--echo", "tcp=127.0.0.1:0", "--echo", $"unix={_folder.PathOf("api")}");

        Assert.Equal(0, await first.ExitAsync());
        Assert.Equal(2, first.ToString().Split('\n').Count(line => line == "accept-ended"));
        Assert.Equal("c hello", await EchoClient.AskAsync(await third.EndPointAsync("unix"), "hello"));
    }

    [Fact]
    public async Task TR_9_the_first_ends_with_0_when_the_second_is_ready()
    {
        var first = await _folder.OwnerAsync("a", "--echo", "api=127.0.0.1:0");
        var api = await first.EndPointAsync("api");
        Assert.Equal("a hello", await EchoClient.AskAsync(api, "hello"));

        await _folder.OwnerAsync("b", "--echo", "api=127.0.0.1:0");

        Assert.Equal(0, await first.ExitAsync());
        Assert.Equal("b hello", await EchoClient.AskAsync(api, "hello"));
    }

    [Fact]
    public async Task TR_10_eleven_processes_in_a_row_on_one_path()
    {
        var path = _folder.PathOf("api");
        var api = new UnixDomainSocketEndPoint(path);
        var current = await _folder.OwnerAsync("p0", "--echo", $"api={path}");
        for (var i = 1; i <= 10; i++)
        {
            var next = await _folder.OwnerAsync($"p{i}", "--echo", $"api={path}");
            Assert.Equal(0, await current.ExitAsync());
            Assert.Equal($"p{i} hello", await EchoClient.AskAsync(api, "hello"));
            current = next;
        }
    }

    [Fact]
    public async Task Two_that_come_at_once_take_over_one_after_the_other()
    {
        var first = await _folder.OwnerAsync("a", "--echo", "api=127.0.0.1:0");
        var api = await first.EndPointAsync("api");
        var second = _folder.Daemon("b", "--echo", "api=127.0.0.1:0");
        await second.SaysAsync("serving");
        var third = _folder.Daemon("c", "--echo", "api=127.0.0.1:0", "--ready");
        await third.SaysAsync("step LockHeld");

        second.Tell("ready");
        await third.SaysAsync("ready");

        Assert.StartsWith("b ", await third.SaysAsync("started"), StringComparison.Ordinal);
        Assert.Equal((0, 0), (await first.ExitAsync(), await second.ExitAsync()));
        Assert.Equal("c hello", await EchoClient.AskAsync(api, "hello"));
    }

    /// <summary>One more upgrade, with a request of the old one's under way.</summary>
    private async Task<DaemonProcess> UpgradeAsync(DaemonProcess old, string oldId, string newId, EndPoint api, params string[] arguments)
    {
        Assert.Equal($"{oldId} one", await EchoClient.AskAsync(api, "one"));
        await using var running = await EchoClient.ConnectAsync(api);
        Assert.Equal($"{oldId} two", await running.AskAsync("two"));
        await running.SendAsync("thr");

        var successor = await _folder.OwnerAsync(newId, [.. arguments, "--echo", "api=127.0.0.1:0"]);
        await old.SaysAsync("complete Draining");
        await old.SaysAsync("accept-ended");

        Assert.Equal($"{newId} four", await EchoClient.AskAsync(api, "four"));
        Assert.False(old.HasExited);
        await running.SendAsync("ee\n");
        Assert.Equal($"{oldId} three", await running.HearAsync());
        await running.DisposeAsync();
        Assert.Equal(0, await old.ExitAsync());
        return successor;
    }
}
