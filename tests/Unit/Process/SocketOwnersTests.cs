using System.Net;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Adapters.Process;

namespace PgCluster.Tests.Unit.Process;

public sealed class SocketOwnersTests
{
    private static readonly string[] Unix =
    [
        "Num       RefCount Protocol Flags    Type St Inode Path",
        "0000000000000000: 00000003 00000000 00000000 0001 03 111 /tmp/a b/.s.PGSQL.6432",
        "0000000000000000: 00000002 00000000 00010000 0001 01 222 /tmp/a b/.s.PGSQL.6432",
        "0000000000000000: 00000002 00000000 00000000 0002 01 333",
        "0000000000000000: 00000002 00000000 00010000 0001 01 444 /tmp/a b/.s.PGSQL.64321",
    ];

    private static readonly string[] Tcp =
    [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        "   0: 0100007F:1AE1 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 10 1 0000000000000000 100 0 0 10 0",
        "   1: 0100007F:1AE1 0100007F:D431 01 00000000:00000000 00:00000000 00000000   106        0 11 1 0000000000000000 20 4 30 10 -1",
        "   2: 0100007F:D431 0100007F:1AE1 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0000000000000000 20 4 30 10 -1",
        "   3: 0000000000000000FFFF00000200007F:1AE1 0000000000000000FFFF00000200007F:D432 01 00000000:00000000 00:00000000 00000000   106        0 13 1 0000000000000000 20 4 30 10 -1",
    ];

    [Theory]
    [InlineData("/tmp/a b/.s.PGSQL.6432", "222")]
    [InlineData("/tmp/a", null)]
    [InlineData("", null)]
    public void Listening_unix_socket_is_found_by_its_whole_path(string path, string? inode) => Assert.Equal(inode, SocketOwners.FindListening(path, Unix));

    [Theory]
    [InlineData("127.0.0.1", 6881, 54321, "11")]
    [InlineData("::ffff:127.0.0.1", 6881, 54321, "11")]
    [InlineData("127.0.0.1", 54321, 6881, "12")]
    [InlineData("127.0.0.2", 6881, 54322, "13")]
    [InlineData("127.0.0.2", 6881, 54321, null)]
    public void End_of_a_connection_is_found_by_both_ends(string address, int here, int there, string? inode) =>
        Assert.Equal(inode, SocketOwners.FindEnd(new IPEndPoint(IPAddress.Parse(address), here), new IPEndPoint(IPAddress.Parse(address), there), Tcp));

    [Theory]
    [InlineData("/usr/sbin/pgbouncer", "/usr/sbin/pgbouncer")]
    [InlineData("/usr/sbin/pgbouncer (deleted)", "/usr/sbin/pgbouncer")]
    public void Program_is_the_file_that_lies_there_now(string link, string program) => Assert.Equal(program, PoolerProcesses.ProgramOf(link));

    [Theory]
    [InlineData("0::/system.slice/pgbouncer.service\n", "pgbouncer.service")]
    [InlineData("0::/system.slice/system-pgcluster.slice/pgcluster-proxy@app.service/inner\n", "pgcluster-proxy@app.service")]
    [InlineData("0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n", "")]
    [InlineData("0::/user.slice/user-0.slice/session-3.scope\n", "")]
    [InlineData("12:cpu:/a.service\n1:name=systemd:/system.slice/b.service\n", "b.service")]
    [InlineData("0::/\n", "")]
    [InlineData("", "")]
    public void Unit_is_the_innermost_when_it_is_a_service(string controlGroups, string unit) => Assert.Equal(unit, PoolerProcesses.UnitOf(controlGroups));

    [Theory]
    [InlineData(false, 1024)]
    [InlineData(true, 524288)]
    public void Limits_of_open_files_are_read(bool hard, long files) => Assert.Equal(files, PoolerProcesses.OpenFilesOf(
        "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 524288               files     \n", hard));

    [Fact]
    public void Limit_that_is_none_is_the_largest_number() => Assert.Equal(long.MaxValue, PoolerProcesses.OpenFilesOf("Max open files            unlimited            unlimited            files     \n", hard: true));
}
