using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace PgCluster.Adapters.PgBouncer;

/// <summary>Where a PgBouncer listens.</summary>
/// <param name="Host">Host name or address; an absolute path is the directory of its Unix socket.</param>
/// <param name="Port">Its listen_port: also part of the socket's name.</param>
public sealed record PgBouncerAddress(string Host, int Port)
{
    /// <summary>True when <see cref="Host"/> is a directory.</summary>
    public bool IsSocket => Host.StartsWith('/');

    /// <inheritdoc/>
    public override string ToString() =>
        IsSocket ? SocketPath : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    internal EndPoint ToEndPoint()
    {
        if (IsSocket)
        {
            return new UnixDomainSocketEndPoint(SocketPath);
        }

        return IPAddress.TryParse(Host, out var address) ? new IPEndPoint(address, Port) : new DnsEndPoint(Host, Port);
    }

    private string SocketPath => string.Create(CultureInfo.InvariantCulture, $"{Host.TrimEnd('/')}/.s.PGSQL.{Port}");
}
