using System.Net;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace PgCluster.Adapters.Grpc;

/// <summary>
/// One HTTP/2 connection pool to one address. Calls share its connections; a broken one is replaced by the next call.
/// Safe for any number of calls at a time.
/// </summary>
public sealed class GrpcChannel : IDisposable
{
    private static readonly string UserAgent = $"grpc-pgcluster/{typeof(GrpcChannel).Assembly.GetName().Version?.ToString(3)}";

    private readonly HttpMessageInvoker _invoker;
    private readonly GrpcChannelOptions _options;
    private volatile bool _disposed;

    /// <summary>Makes a channel; connects with the first call.</summary>
    /// <param name="address">http for plain-text HTTP/2 with prior knowledge, https for TLS; host and port count, nothing else.</param>
    /// <param name="options">How to connect, and what to accept.</param>
    /// <exception cref="ArgumentException">The address is neither http nor https, or TLS options go with an http address.</exception>
    /// <exception cref="PgClusterException">InvalidConfiguration: a certificate file cannot be used.</exception>
    public GrpcChannel(Uri address, GrpcChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(options);
        if (!address.IsAbsoluteUri || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
        {
            throw new ArgumentException($"'{address}' is neither an http nor an https address.", nameof(address));
        }

        if (options.Tls is not null && address.Scheme != Uri.UriSchemeHttps)
        {
            // Certificates that are configured and then not used would be a silent downgrade.
            throw new ArgumentException($"TLS is configured, but '{address}' is no https address.", nameof(address));
        }

        Address = address;
        _options = options;
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = true,
            // Room for a whole message of usual size, so that its sender need not wait for us in the middle.
            InitialHttp2StreamWindowSize = 1024 * 1024,
            ConnectTimeout = options.ConnectTimeout,
            KeepAlivePingDelay = options.KeepAliveTime,
            KeepAlivePingTimeout = options.KeepAliveTimeout,
            // gRPC servers hang up on clients that ping without a call.
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        };
        try
        {
            if (options.Tls is not null)
            {
                handler.SslOptions = GrpcCertificates.ForClient(options.Tls);
            }

            _invoker = new HttpMessageInvoker(handler, disposeHandler: true);
        }
        catch
        {
            handler.Dispose();
            throw;
        }
    }

    /// <summary>Where the channel connects to.</summary>
    public Uri Address { get; }

    /// <summary>Calls a method that takes one message and answers with one.</summary>
    /// <exception cref="GrpcException">The call ended with a status other than Ok, or could not be made.</exception>
    /// <exception cref="OperationCanceledException">The token fired; the server was told.</exception>
    public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, GrpcCallOptions options, CancellationToken cancellationToken)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new()
    {
        using GrpcCallScope scope = Begin(method, options, cancellationToken);
        using HttpRequestMessage message = Compose(method, options, new GrpcUnaryContent(request));
        try
        {
            HttpResponseMessage response = await _invoker.SendAsync(message, scope.Token).ConfigureAwait(false);
            using GrpcResponseReader<TResponse> reader =
                await GrpcResponseReader<TResponse>.OpenAsync(response, _options.MaxReceiveMessageSize, scope.Token).ConfigureAwait(false);
            if (!await reader.MoveNextAsync(scope.Token).ConfigureAwait(false))
            {
                throw new GrpcException(GrpcStatusCode.Internal, "The peer answered Ok without a message.");
            }

            TResponse answer = reader.Current;
            return await reader.MoveNextAsync(scope.Token).ConfigureAwait(false)
                ? throw new GrpcException(GrpcStatusCode.Internal, "The peer answered with more than one message.")
                : answer;
        }
        catch (Exception e) when (e is not GrpcException)
        {
            throw scope.Translate(e, cancellationToken);
        }
    }

    /// <summary>Calls a method that takes one message and answers with any number. Leaving the enumeration early ends the call.</summary>
    /// <exception cref="GrpcException">Out of the enumeration: the call ended with a status other than Ok, or could not be made.</exception>
    /// <exception cref="OperationCanceledException">Out of the enumeration: the token fired; the server was told.</exception>
    public async IAsyncEnumerable<TResponse> ServerStreamingAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method,
        TRequest request,
        GrpcCallOptions options,
        [EnumeratorCancellation] CancellationToken cancellationToken)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new()
    {
        using GrpcCallScope scope = Begin(method, options, cancellationToken);
        using HttpRequestMessage message = Compose(method, options, new GrpcUnaryContent(request));
        using GrpcResponseReader<TResponse> reader = await OpenAsync<TResponse>(message, scope).ConfigureAwait(false);
        while (await MoveNextAsync(reader, scope).ConfigureAwait(false))
        {
            yield return reader.Current;
        }
    }

    /// <summary>Starts a call in which both ends send any number of messages.</summary>
    /// <returns>The call, as soon as the request is on its way; the server may not have answered anything yet.</returns>
    /// <exception cref="GrpcException">The peer cannot be reached, or the deadline passed.</exception>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    public async Task<GrpcDuplexCall<TRequest, TResponse>> DuplexAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, GrpcCallOptions options, CancellationToken cancellationToken)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new()
    {
        GrpcCallScope scope = Begin(method, options, cancellationToken);
        try
        {
            var content = new GrpcDuplexContent();
            HttpRequestMessage message = Compose(method, options, content);
            Task<HttpResponseMessage> response = _invoker.SendAsync(message, scope.Token);
            if (await Task.WhenAny(content.Started, response).ConfigureAwait(false) == response)
            {
                // Throws where the peer could not be reached.
                _ = await response.ConfigureAwait(false);
            }

            return new GrpcDuplexCall<TRequest, TResponse>(scope, content, response, _options.MaxReceiveMessageSize);
        }
        catch (Exception e)
        {
            Exception named = scope.Translate(e, cancellationToken);
            scope.Dispose();
            if (ReferenceEquals(named, e))
            {
                throw;
            }

            throw named;
        }
    }

    /// <summary>Closes every connection; calls under way fail.</summary>
    public void Dispose()
    {
        _disposed = true;
        _invoker.Dispose();
    }

    private static async ValueTask<bool> MoveNextAsync<TResponse>(GrpcResponseReader<TResponse> reader, GrpcCallScope scope)
        where TResponse : IMessage<TResponse>, new()
    {
        try
        {
            return await reader.MoveNextAsync(scope.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not GrpcException)
        {
            throw scope.Translate(e);
        }
    }

    private async ValueTask<GrpcResponseReader<TResponse>> OpenAsync<TResponse>(HttpRequestMessage message, GrpcCallScope scope)
        where TResponse : IMessage<TResponse>, new()
    {
        try
        {
            HttpResponseMessage response = await _invoker.SendAsync(message, scope.Token).ConfigureAwait(false);
            return await GrpcResponseReader<TResponse>.OpenAsync(response, _options.MaxReceiveMessageSize, scope.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not GrpcException)
        {
            throw scope.Translate(e);
        }
    }

    private GrpcCallScope Begin<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, GrpcCallOptions options, CancellationToken cancellationToken)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new()
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(options);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new GrpcCallScope(_options.TimeProvider, options.Timeout, cancellationToken);
    }

    private HttpRequestMessage Compose<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, GrpcCallOptions options, HttpContent content)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new()
    {
        var message = new HttpRequestMessage(HttpMethod.Post, new Uri(Address, method.Path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        if (options.Timeout is { } timeout)
        {
            message.Headers.TryAddWithoutValidation(GrpcTimeout.HeaderName, GrpcTimeout.Format(timeout));
        }

        message.Headers.TryAddWithoutValidation("te", "trailers");
        message.Headers.TryAddWithoutValidation("user-agent", UserAgent);
        message.Headers.TryAddWithoutValidation(GrpcMetadata.AcceptEncoding, "identity");
        foreach (KeyValuePair<string, string> entry in options.Metadata)
        {
            GrpcMetadata.Check(entry);
            message.Headers.TryAddWithoutValidation(entry.Key, entry.Value);
        }

        return message;
    }
}
