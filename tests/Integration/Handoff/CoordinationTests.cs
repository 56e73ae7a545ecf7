using System.Net;
using System.Net.Sockets;
using System.Text;
using PgCluster.Adapters.Process;
using PgCluster.Handoff;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>How processes find each other: tableroll's cases TR-12 and TR-18, and what lies in a directory that should not.</summary>
public sealed class CoordinationTests : IAsyncDisposable
{
    private readonly HandoffFolder _folder = new();

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Fact]
    public async Task TR_12_the_owner_is_on_record_and_the_next_one_finds_it()
    {
        await _folder.OwnerAsync("a", "--version", "1.0");
        Assert.Equal("a\n", await File.ReadAllTextAsync(_folder.OwnerFile, TestContext.Current.CancellationToken));

        var second = await _folder.OwnerAsync("b");

        Assert.Equal("a 1.0 1", await second.SaysAsync("started"));
        Assert.Equal("b\n", await File.ReadAllTextAsync(_folder.OwnerFile, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task TR_12_waiting_for_the_lock_can_be_cancelled()
    {
        var first = _folder.Daemon("a");
        await first.SaysAsync("serving");
        var second = _folder.Daemon("b");
        await second.SaysAsync("step LockHeld");

        second.Tell("cancel");

        Assert.Equal(4, await second.ExitAsync());
        Assert.True(second.HasSaid("cancelled"));
        Assert.Equal("Owner", await (await ReadyAsync(first)).StateAsync());
    }

    [Fact]
    public async Task TR_12_waiting_for_the_descriptors_can_be_cancelled()
    {
        var first = await _folder.OwnerAsync("a", "--echo", "api=127.0.0.1:0", "--hold", "StateOffered");
        var second = _folder.Daemon("b", "--echo", "api=127.0.0.1:0");
        await second.SaysAsync("step StateAccepted");
        await first.SaysAsync("held");

        second.Tell("cancel");

        Assert.Equal(4, await second.ExitAsync());
        first.Tell("continue");
        await first.SaysAsync("step TransferFailed");
        Assert.Equal("Owner", await first.StateAsync());
        await _folder.OwnerAsync("c", "--echo", "api=127.0.0.1:0");
    }

    [Fact]
    public async Task TR_18_a_socket_that_a_crash_left_does_not_keep_its_id_from_starting()
    {
        var first = await _folder.OwnerAsync("a");
        await first.KillAsync();
        Assert.True(File.Exists(_folder.SocketOf("a")));
        Assert.Equal("a", _folder.Owner);

        var again = await _folder.OwnerAsync("a");

        Assert.Equal("nobody - -", await again.SaysAsync("started"));
        Assert.Equal("Owner", await again.StateAsync());
    }

    [Fact]
    public async Task TR_18_sockets_of_the_dead_are_swept_and_those_of_the_living_stay()
    {
        var dead = await _folder.OwnerAsync("dead");
        await dead.KillAsync();
        var owner = await _folder.OwnerAsync("a");
        Assert.Equal("Removed", (await owner.SaysAsync("step StaleSocketRemoved")).Split(' ')[0]);
        await File.WriteAllTextAsync(_folder.SocketOf("no-socket"), "", TestContext.Current.CancellationToken);

        await _folder.OwnerAsync("b");

        Assert.Equal(0, await owner.ExitAsync());
        Assert.False(File.Exists(_folder.SocketOf("dead")));
        Assert.False(File.Exists(_folder.SocketOf("a")));
        Assert.True(File.Exists(_folder.SocketOf("b")));
        Assert.True(File.Exists(_folder.SocketOf("no-socket")));
    }

    [Fact]
    public async Task The_id_of_a_living_process_is_refused()
    {
        await _folder.OwnerAsync("a");
        var second = _folder.Daemon("a");

        Assert.StartsWith("IdInUse", await second.SaysAsync("failed"), StringComparison.Ordinal);
        Assert.Equal(3, await second.ExitAsync());
        Assert.Equal("a", _folder.Owner);
    }

    [Fact]
    public async Task An_owner_that_stops_leaves_nothing_behind()
    {
        var first = await _folder.OwnerAsync("a");

        first.Tell("stop");
        await first.SaysAsync("step Stopped");

        Assert.False(File.Exists(_folder.SocketOf("a")));
        Assert.Equal("", _folder.Owner);
        Assert.Equal("nobody - -", await (await _folder.OwnerAsync("b")).SaysAsync("started"));
    }

    [Fact]
    public async Task Stopping_again_and_letting_go_again_changes_nothing()
    {
        var part = await _folder.PartAsync("a");
        await part.ReadyAsync(TestContext.Current.CancellationToken);

        part.Stop();
        part.Stop();
        await part.DisposeAsync();
        await part.DisposeAsync();

        Assert.True(part.UpgradeComplete.IsCompletedSuccessfully);
        Assert.Equal(HandoffError.Stopped, (await Assert.ThrowsAsync<HandoffException>(() => part.ReadyAsync(TestContext.Current.CancellationToken))).Error);
    }

    [Fact]
    public async Task Letting_go_while_another_thread_stops_waits_for_that()
    {
        ProcessHandoff? part = null;
        var lettingGo = Task.CompletedTask;
        part = await _folder.PartAsync(_folder.Options("a") with { Logger = new OnStep("Stopped", () => lettingGo = part!.DisposeAsync().AsTask()) });

        part.Stop();
        await lettingGo;

        Assert.Equal(HandoffState.Stopped, part.State);
    }

    [Fact]
    public async Task Nobody_is_ready_twice()
    {
        var part = await _folder.PartAsync("a");
        await part.ReadyAsync(TestContext.Current.CancellationToken);

        var error = await Assert.ThrowsAsync<HandoffException>(() => part.ReadyAsync(TestContext.Current.CancellationToken));

        Assert.Equal(HandoffError.InvalidState, error.Error);
        Assert.Equal("'a' cannot become ready: it is Owner.", error.Message);
        Assert.Equal(HandoffState.Owner, part.State);
    }

    [Fact]
    public async Task A_directory_that_is_not_there_is_named()
    {
        var missing = _folder.PathOf("nowhere");

        var error = await Assert.ThrowsAsync<HandoffException>(() =>
            ProcessHandoff.StartAsync(_folder.Options("a") with { Directory = missing }, TestContext.Current.CancellationToken));

        Assert.Equal(HandoffError.DirectoryUnusable, error.Error);
        Assert.Contains(missing, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_record_that_is_no_id_is_not_taken_for_nobody()
    {
        await File.WriteAllTextAsync(_folder.OwnerFile, "../elsewhere", TestContext.Current.CancellationToken);

        var error = await Assert.ThrowsAsync<HandoffException>(() => _folder.PartAsync("a"));

        Assert.Equal(HandoffError.DirectoryUnusable, error.Error);
        Assert.Contains(_folder.OwnerFile, error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.SocketOf("a")));
        File.Delete(_folder.OwnerFile);
        await _folder.PartAsync("a");
    }

    [Fact]
    public async Task A_directory_too_long_for_a_socket_is_named_and_leaves_the_lock_free()
    {
        var deep = Directory.CreateDirectory(_folder.PathOf(new string('d', 100))).FullName;

        var error = await Assert.ThrowsAsync<HandoffException>(() =>
            ProcessHandoff.StartAsync(_folder.Options("a") with { Directory = deep }, TestContext.Current.CancellationToken));

        Assert.Contains("107", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("\0\0\0\u0002{}")]
    [InlineData("\0\0\0\u0010{\"type\":\"ready\"}")]
    public async Task Whoever_talks_nonsense_to_the_owner_changes_nothing(string nonsense)
    {
        var first = await _folder.OwnerAsync("a", "--echo", "api=127.0.0.1:0");
        using (var stranger = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await stranger.ConnectAsync(new UnixDomainSocketEndPoint(_folder.SocketOf("a")), TestContext.Current.CancellationToken);
            await stranger.SendAsync(Encoding.ASCII.GetBytes(nonsense), SocketFlags.None, TestContext.Current.CancellationToken);
            stranger.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await ReadAsync(stranger));
        }

        Assert.Equal("Owner", await first.StateAsync());
        await _folder.OwnerAsync("b", "--echo", "api=127.0.0.1:0");
        Assert.Equal(0, await first.ExitAsync());
    }

    [Fact]
    public async Task Another_user_does_not_get_the_descriptors()
    {
        Assert.SkipUnless(Environment.UserName == "root", "only root can be somebody else");
        var first = await _folder.OwnerAsync("a", "--echo", "api=127.0.0.1:0");
        using (var everybody = System.Diagnostics.Process.Start("chmod", ["-R", "a+rwX", Path.GetDirectoryName(_folder.DirectoryPath)!]))
        {
            await everybody.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await using var stranger = DaemonProcess.StartAs(OsAccount.Find("nobody")!, "--dir", _folder.DirectoryPath, "--id", "b");

        Assert.StartsWith("NotTrusted", await stranger.SaysAsync("failed"), StringComparison.Ordinal);
        await first.SaysAsync("step PeerNotTrusted");
        Assert.Equal("Owner", await first.StateAsync());
    }

    [Fact]
    public async Task The_descriptors_of_another_user_are_not_taken()
    {
        Assert.SkipUnless(Environment.UserName == "root", "only root can be somebody else");
        using (var everybody = System.Diagnostics.Process.Start("chmod", ["-R", "a+rwX", Path.GetDirectoryName(_folder.DirectoryPath)!]))
        {
            await everybody.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await using var stranger = DaemonProcess.StartAs(OsAccount.Find("nobody")!, "--dir", _folder.DirectoryPath, "--id", "a", "--ready");
        await stranger.SaysAsync("ready");

        Assert.StartsWith("NotTrusted", await _folder.Daemon("b").SaysAsync("failed"), StringComparison.Ordinal);
        Assert.Equal("Owner", await stranger.StateAsync());
    }

    /// <summary>What is left unread at the other end makes a reset of its end.</summary>
    private static async Task<int> ReadAsync(Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1], SocketFlags.None, TestContext.Current.CancellationToken);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return 0;
        }
    }

    private static async Task<DaemonProcess> ReadyAsync(DaemonProcess daemon)
    {
        await daemon.AskAsync("ready", "ready");
        return daemon;
    }
}
