using System.Net;
using System.Net.Sockets;
using PgCluster.Adapters.Process;

namespace PgCluster.Tests.Integration.Playground;

public sealed class LoopbackPortsTests
{
    [Fact]
    public async Task No_port_is_handed_out_twice_while_its_taker_lives()
    {
        using var first = new LoopbackPorts();
        using var second = new LoopbackPorts();
        var taken = await Task.WhenAll(new[] { first, second }.Select(ports => Task.Run(() => Enumerable.Range(0, 200).Select(_ => ports.Take()).ToList())));
        Assert.Equal(400, taken.SelectMany(port => port).Distinct().Count());
        foreach (var port in taken[0])
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
        }
    }

    [Fact]
    public void A_port_somebody_listens_on_or_that_is_spoken_for_is_left_out()
    {
        using var ports = new LoopbackPorts();
        var all = Enumerable.Range(20_000, 45_000).ToHashSet();
        int used;
        using (var other = new LoopbackPorts())
        {
            used = other.Take();
        }

        all.Remove(used);
        using (var listener = new TcpListener(IPAddress.Any, used))
        {
            listener.Start();
            Assert.Equal(Reason.PlaygroundFailed, Assert.Throws<PgClusterException>(() => ports.Take(all)).Reason);
        }

        Assert.Equal(used, ports.Take(all));
        Assert.Throws<PgClusterException>(() => ports.Take(all));
    }
}
