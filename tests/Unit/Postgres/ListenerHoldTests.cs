using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;

namespace PgCluster.Tests.Unit.Postgres;

/// <summary>This very process stands for the postmaster.</summary>
public sealed class ListenerHoldTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pgc-hold-").FullName;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private string? _obstacle;

    public ListenerHoldTests()
    {
        _listener.Start();
        Write("ready");
    }

    private static ProcessIdentity Self => ProcessIdentity.Find(Environment.ProcessId)!.Value;

    public void Dispose()
    {
        _listener.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Connections_wait_from_the_end_of_the_owner_until_the_end_of_the_hold()
    {
        var address = (IPEndPoint)_listener.LocalEndpoint;
        using var hold = Take(Self);
        Assert.True(hold.IsHeld, _obstacle);

        _listener.Stop();
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(address, TestContext.Current.CancellationToken);
        }

        hold.Dispose();
        Assert.False(hold.IsHeld);
        using var refused = new TcpClient();
        Assert.Equal(
            SocketError.ConnectionRefused,
            (await Assert.ThrowsAsync<SocketException>(() => refused.ConnectAsync(address, TestContext.Current.CancellationToken).AsTask())).SocketErrorCode);
    }

    [Fact]
    public void Where_the_system_does_not_allow_it_nothing_is_held()
    {
        const int NotPermitted = 1;
        using var hold = Take(Self, (_, _) =>
        {
            Marshal.SetLastPInvokeError(NotPermitted);
            return -1;
        });

        Assert.False(hold.IsHeld);
        Assert.Contains("pidfd_getfd", _obstacle, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nothing_runs_nothing_is_held()
    {
        using var hold = Take(null);

        Assert.Equal((false, null), (hold.IsHeld, _obstacle));
    }

    [Theory]
    [InlineData("stopping")]
    [InlineData(null)]
    public void A_server_that_stops_already_is_not_held(string? status)
    {
        Write(status);
        using var hold = Take(Self);

        Assert.Equal((false, null), (hold.IsHeld, _obstacle));
    }

    [Fact]
    public void A_server_that_has_just_started_is_held_as_soon_as_it_listens()
    {
        Write("");
        _listener.Stop();
        using var hold = Take(Self);
        Assert.Equal((false, null), (hold.IsHeld, _obstacle));

        _listener.Start();
        Write("starting");
        Assert.True(SpinWait.SpinUntil(() => hold.IsHeld, TimeSpan.FromSeconds(30)), _obstacle ?? "nothing is held");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_server_that_has_not_written_its_file_yet_is_held_as_soon_as_it_has(bool predecessorLeftItsOwn)
    {
        const int Predecessor = int.MaxValue;
        Write(predecessorLeftItsOwn ? "ready" : null, Predecessor);
        using var hold = Take(Self);
        Assert.Equal((false, null), (hold.IsHeld, _obstacle));

        Write(null);
        Write("");
        Write("starting");
        Assert.True(SpinWait.SpinUntil(() => hold.IsHeld, TimeSpan.FromSeconds(30)), _obstacle ?? "nothing is held");
    }

    [Fact]
    public void A_server_whose_file_is_another_ones_now_is_let_go_of()
    {
        using var hold = Take(Self);
        Assert.True(hold.IsHeld, _obstacle);

        Write("starting", Environment.ProcessId + 1);
        Assert.True(SpinWait.SpinUntil(() => !hold.IsHeld, TimeSpan.FromSeconds(30)), "it is held still");
    }

    [Theory]
    [InlineData("stopping")]
    [InlineData(null)]
    public void A_server_that_begins_to_stop_is_let_go_of(string? status)
    {
        using var hold = Take(Self);
        Assert.True(hold.IsHeld, _obstacle);

        Write(status);
        Assert.True(SpinWait.SpinUntil(() => !hold.IsHeld, TimeSpan.FromSeconds(30)), "it is held still");
    }

    [Fact]
    public void Only_sockets_that_listen_count()
    {
        const string Table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   113        0 41234 1 0000000000000000 100 0 0 10 0
               1: 0100007F:1538 0100007F:C350 01 00000000:00000000 00:00000000 00000000   113        0 41299 1 0000000000000000 20 4 30 10 -1

            """;

        Assert.Equal(["41234"], ListenerHold.Listening(Table));
    }

    private ListenerHold Take(ProcessIdentity? postmaster, Func<int, int, int>? duplicate = null) =>
        ListenerHold.Take(postmaster, _directory, why => _obstacle = why, duplicate);

    /// <summary>As PostgreSQL does: in place, or gone.</summary>
    private void Write(string? status, int? pid = null)
    {
        var file = Path.Combine(_directory, PostmasterFile.FileName);
        if (status is null)
        {
            File.Delete(file);
        }
        else
        {
            using var stream = new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
            stream.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{pid ?? Environment.ProcessId}\n{_directory}\n1700000000\n5432\n\n127.0.0.1\n  1 2\n{status,-8}\n")));
        }
    }
}
