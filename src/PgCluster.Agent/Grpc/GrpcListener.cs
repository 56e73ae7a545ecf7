using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Agent.Grpc;

/// <summary>Binds gRPC to an address, under the rule that only loopback goes without certificates.</summary>
public static class GrpcListener
{
    private static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Listens for gRPC: plain-text HTTP/2 with prior knowledge, or with certificates mutual TLS, where a peer that shows no certificate of the CA
    /// does not get past the handshake.
    /// </summary>
    /// <param name="kestrel">The server.</param>
    /// <param name="host">An IP address or a name of this machine; empty or <c>*</c> for all addresses.</param>
    /// <param name="port">The port; 0 for a free one.</param>
    /// <param name="tls">The certificates; null only on loopback.</param>
    /// <exception cref="PgClusterException">
    /// InvalidConfiguration: the host is unknown, a certificate file cannot be used, or the address is not loopback and there are no certificates.
    /// </exception>
    public static void ListenGrpc(this KestrelServerOptions kestrel, string host, int port, GrpcTlsOptions? tls)
    {
        ArgumentNullException.ThrowIfNull(kestrel);

        // Without pings a client whose host vanished keeps its streams open for ever; with a minimal rate a quiet stream would not live.
        kestrel.Limits.Http2.KeepAlivePingDelay = PingAfter;
        kestrel.Limits.Http2.KeepAlivePingTimeout = PingTimeout;
        kestrel.Limits.MinResponseDataRate = null;
        Listen(kestrel, host, port, tls, HttpProtocols.Http2);
    }

    /// <summary>Listens for health checks and metrics: HTTP/1.1, under the same rule.</summary>
    /// <inheritdoc cref="ListenGrpc"/>
    public static void ListenHttp(this KestrelServerOptions kestrel, string host, int port, GrpcTlsOptions? tls)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        Listen(kestrel, host, port, tls, HttpProtocols.Http1);
    }

    private static void Listen(KestrelServerOptions kestrel, string host, int port, GrpcTlsOptions? tls, HttpProtocols protocols)
    {
        ArgumentNullException.ThrowIfNull(host);
        IPAddress[] addresses = Resolve(host);
        if (tls is null && !Array.TrueForAll(addresses, IPAddress.IsLoopback))
        {
            throw new PgClusterException(
                Reason.InvalidConfiguration,
                $"the agent cannot listen on '{host}' without TLS: whoever reaches that address could command this node. "
                + "Configure CA, certificate and key, or listen on 127.0.0.1.")
            {
                Target = host,
            };
        }

        SslServerAuthenticationOptions? ssl = tls is null ? null : GrpcCertificates.ForServer(tls);
        // A free port is free on one address: two of them would be two ports.
        foreach (IPAddress address in port == 0 ? addresses[..1] : addresses)
        {
            kestrel.Listen(address, port, listen =>
            {
                listen.Protocols = protocols;
                if (ssl is not null)
                {
                    listen.UseHttps(new TlsHandshakeCallbackOptions
                    {
                        HandshakeTimeout = HandshakeTimeout,
                        OnConnection = _ => ValueTask.FromResult(ssl),
                    });
                }
            });
        }
    }

    private static IPAddress[] Resolve(string host)
    {
        if (host is "" or "*")
        {
            return [Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any];
        }

        if (IPAddress.TryParse(host, out IPAddress? literal))
        {
            return [literal];
        }

        try
        {
            return Dns.GetHostAddresses(host) is [_, ..] addresses ? [.. addresses.Distinct()] : throw Unknown(host, null);
        }
        catch (SocketException e)
        {
            throw Unknown(host, e);
        }
    }

    private static PgClusterException Unknown(string host, Exception? inner) =>
        new(Reason.InvalidConfiguration, $"the agent cannot listen on '{host}': no address is known by that name.", inner) { Target = host };
}
