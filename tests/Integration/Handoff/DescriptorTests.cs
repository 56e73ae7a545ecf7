using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using PgCluster.Handoff;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>What goes from process to process: tableroll's cases TR-2, TR-11 and TR-13.</summary>
public sealed class DescriptorTests : IAsyncDisposable
{
    private static readonly IPEndPoint AnyPort = new(IPAddress.Loopback, 0);

    private readonly HandoffFolder _folder = new();

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task TR_2_what_was_added_without_an_error_is_there_after_a_takeover(int seed)
    {
        var first = await _folder.OwnerAsync("a");
        first.Tell($"mutate {seed}");
        var second = _folder.Daemon("b");
        await second.SaysAsync("serving");

        var taken = await second.AskAsync("items", "items");
        Assert.Equal(await first.SaysAsync("locked"), taken);
        second.Tell("ready");

        Assert.Equal("UpgradeCompleted", await first.SaysAsync("mutated"));
        Assert.Equal(0, await first.ExitAsync());
    }

    [Fact]
    public async Task TR_11_600_listeners_are_handed_over_with_those_the_application_has_closed()
    {
        var first = await _folder.OwnerAsync("a");
        first.Tell("listen 600");
        await first.SaysAsync("listened");
        var second = _folder.Daemon("b");
        await second.SaysAsync("serving");

        second.Tell("listen 600");
        await second.SaysAsync("listened");
        second.Tell("ready");
        await second.SaysAsync("ready");

        Assert.Equal(0, await first.ExitAsync());
        var ours = EndPoints(first);
        Assert.Equal(600, ours.Length);
        Assert.Equal(ours, EndPoints(second));

        // Ten of them are in the store only: whoever connects waits to be accepted.
        foreach (var endPoint in ours.Select(IPEndPoint.Parse))
        {
            await (await EchoClient.ConnectAsync(endPoint)).DisposeAsync();
        }

        static string[] EndPoints(DaemonProcess daemon) =>
            [.. daemon.ToString().Split('\n').Where(line => line.StartsWith("listening many-", StringComparison.Ordinal)).Select(line => line.Split(' ')[2])];
    }

    [Fact]
    public async Task TR_13_closing_or_removing_a_listener_keeps_the_path()
    {
        var path = _folder.PathOf("api");
        var part = await _folder.PartAsync("a");

        part.Descriptors.Listen("api", new UnixDomainSocketEndPoint(path)).Dispose();
        Assert.True(File.Exists(path));

        part.Descriptors.Remove("api");
        Assert.True(File.Exists(path));
    }

    [Fact]
    public async Task TR_13_the_path_goes_with_the_listener_when_asked_to()
    {
        var path = _folder.PathOf("api");
        var part = await _folder.PartAsync("a");
        part.Descriptors.Listen("api", new UnixDomainSocketEndPoint(path)).Dispose();

        part.Descriptors.Remove("api", deletePath: true);

        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task TR_13_a_path_that_a_dead_process_left_is_listened_on_again()
    {
        var path = _folder.PathOf("api");
        var dead = _folder.Daemon("dead", "--echo", $"api={path}");
        await dead.SaysAsync("serving");
        await dead.KillAsync();
        var part = await _folder.PartAsync("a");

        using var listener = part.Descriptors.Listen("api", new UnixDomainSocketEndPoint(path));

        var accepting = listener.AcceptAsync(TestContext.Current.CancellationToken);
        await using var client = await EchoClient.ConnectAsync(new UnixDomainSocketEndPoint(path));
        (await accepting).Dispose();
    }

    [Fact]
    public async Task A_path_on_which_somebody_else_listens_or_that_is_a_file_is_left_alone()
    {
        var (path, file) = (_folder.PathOf("api"), _folder.PathOf("data"));
        var other = _folder.Daemon("other", "--echo", $"api={path}");
        await other.SaysAsync("serving");
        other.Tell("ready");
        await other.SaysAsync("ready");
        await File.WriteAllTextAsync(file, "precious", TestContext.Current.CancellationToken);
        await using var elsewhere = new HandoffFolder();
        var part = await elsewhere.PartAsync("a");

        Assert.Contains(path, Assert.Throws<HandoffException>(() => part.Descriptors.Listen("api", new UnixDomainSocketEndPoint(path))).Message, StringComparison.Ordinal);
        Assert.Throws<HandoffException>(() => part.Descriptors.Listen("data", new UnixDomainSocketEndPoint(file)));

        Assert.Equal("other hello", await EchoClient.AskAsync(new UnixDomainSocketEndPoint(path), "hello"));
        Assert.Equal("precious", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task TR_13_a_connection_and_a_pipe_survive_being_handed_over_and_the_old_process_letting_go()
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        server.Bind(AnyPort);
        server.Listen();
        var a = await _folder.PartAsync("a");
        var ours = a.Descriptors.Connect("upstream", () => Connected(server.LocalEndPoint!));
        using var accepted = await server.AcceptAsync(TestContext.Current.CancellationToken);
        await using var pipe = new System.IO.Pipes.AnonymousPipeServerStream(System.IO.Pipes.PipeDirection.In);
        var end = a.Descriptors.Open("pipe", () => new SafeFileHandle(pipe.ClientSafePipeHandle.DangerousGetHandle(), ownsHandle: false));
        await a.ReadyAsync(TestContext.Current.CancellationToken);

        var b = await _folder.PartAsync("b");
        using var theirs = b.Descriptors.FindConnection("upstream")!;
        var theirEnd = b.Descriptors.FindFile("pipe")!;
        await b.ReadyAsync(TestContext.Current.CancellationToken);
        ours.Dispose();
        end.Dispose();
        await a.DisposeAsync();
        pipe.DisposeLocalCopyOfClientHandle();

        var buffer = new byte[16];
        await theirs.SendAsync("up"u8.ToArray(), SocketFlags.None, TestContext.Current.CancellationToken);
        Assert.Equal(2, await accepted.ReceiveAsync(buffer, SocketFlags.None, TestContext.Current.CancellationToken));
        await accepted.SendAsync("down"u8.ToArray(), SocketFlags.None, TestContext.Current.CancellationToken);
        Assert.Equal(4, await theirs.ReceiveAsync(buffer, SocketFlags.None, TestContext.Current.CancellationToken));
        await using var writer = new FileStream(theirEnd, FileAccess.Write, bufferSize: 0);
        await writer.WriteAsync("pipe"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.Equal(4, await pipe.ReadAsync(buffer, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_listener_can_be_closed_and_taken_again_and_again()
    {
        var part = await _folder.PartAsync("a");
        part.Descriptors.Listen("api", AnyPort).Dispose();
        for (var i = 0; i < 20; i++)
        {
            using var listener = part.Descriptors.FindListener("api")!;
            var accepting = listener.AcceptAsync(TestContext.Current.CancellationToken);
            await using var client = await EchoClient.ConnectAsync(listener.LocalEndPoint!);
            using var accepted = await accepting;
            Assert.True(accepted.Connected);
        }
    }

    [Fact]
    public async Task What_the_successor_does_not_ask_for_is_closed_when_it_is_ready()
    {
        var first = await _folder.OwnerAsync("a", "--echo", "api=127.0.0.1:0", "--echo", "old=127.0.0.1:0");
        var gone = await first.EndPointAsync("old");
        var second = await _folder.OwnerAsync("b", "--echo", "api=127.0.0.1:0");
        await second.SaysAsync("step UnusedClosed");

        Assert.Equal(0, await first.ExitAsync());
        Assert.Equal("api", await second.AskAsync("items", "items"));
        Assert.Equal(SocketError.ConnectionRefused, (await Assert.ThrowsAsync<SocketException>(() => EchoClient.ConnectAsync(gone))).SocketErrorCode);
    }

    [Fact]
    public async Task What_is_received_is_not_inherited_by_programs_that_are_started()
    {
        var a = await _folder.PartAsync("a");
        using var made = a.Descriptors.Listen("api", AnyPort);
        await a.ReadyAsync(TestContext.Current.CancellationToken);
        var b = await _folder.PartAsync("b");

        using var received = b.Descriptors.FindListener("api")!;
        using var program = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sh", ["-c", "readlink /proc/self/fd/* 2>/dev/null"]) { RedirectStandardOutput = true })!;
        var open = await program.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await program.WaitForExitAsync(TestContext.Current.CancellationToken);

        // Both of our copies are of the same socket, whose number the kernel tells.
        var socket = File.ResolveLinkTarget($"/proc/self/fd/{received.SafeHandle.DangerousGetHandle()}", returnFinalTarget: false)!.Name;
        Assert.StartsWith("socket:", socket, StringComparison.Ordinal);
        Assert.DoesNotContain(socket, open, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_in_use_is_named()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(AnyPort);
        taken.Listen();
        var part = await _folder.PartAsync("a");

        var error = Assert.Throws<HandoffException>(() => part.Descriptors.Listen("api", taken.LocalEndPoint!));

        Assert.Equal(HandoffError.System, error.Error);
        Assert.Contains(taken.LocalEndPoint!.ToString()!, error.Message, StringComparison.Ordinal);
        Assert.Empty(part.Descriptors.Items);
    }

    private static Socket Connected(EndPoint endPoint)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(endPoint);
        return socket;
    }
}
