using Google.Protobuf;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Adapters.Etcd;

/// <summary>Calls to etcd as one: several members, a deadline for each try, the user's token, errors with their reason.</summary>
internal sealed class EtcdClient : IDisposable
{
    private static readonly KeyValuePair<string, string> RequireLeader = new("hasleader", "true");
    private readonly EtcdEndpoint[] _endpoints;
    private readonly SemaphoreSlim _authenticating = new(1, 1);
    private volatile string? _token;
    private int _current;

    public EtcdClient(EtcdOptions options, TimeProvider time, ILogger log)
    {
        Options = options;
        Time = time;
        Log = log;
        Keys = new EtcdKeyspace(options.Namespace);
        _endpoints = [.. options.Endpoints.Select(endpoint => new EtcdEndpoint(endpoint, options, time))];
    }

    public EtcdOptions Options { get; }

    public TimeProvider Time { get; }

    public ILogger Log { get; }

    public EtcdKeyspace Keys { get; }

    public IReadOnlyList<EtcdEndpoint> Endpoints => _endpoints;

    /// <summary>The member that is spoken to now: the first one until it fails.</summary>
    public EtcdEndpoint Current => _endpoints[Volatile.Read(ref _current)];

    /// <summary>All members, as errors name them.</summary>
    public string EndpointNames => string.Join(", ", _endpoints.Select(endpoint => endpoint.Name));

    /// <summary>Goes to the next member, unless somebody else did so already.</summary>
    public void MoveAwayFrom(EtcdEndpoint failed)
    {
        var index = Array.IndexOf(_endpoints, failed);
        Interlocked.CompareExchange(ref _current, (index + 1) % _endpoints.Length, index);
    }

    /// <summary>Starts the clock of one call. What is kept back finds out, when it fails, whether the quorum is gone or the store.</summary>
    public RequestBudget StartBudget(CancellationToken cancellationToken) =>
        new(Options.Timeout - Options.TryTimeout, Options.TryTimeout, _endpoints.Length, Time, cancellationToken);

    /// <summary>Calls until somebody answers. Only for calls that may be done twice.</summary>
    /// <exception cref="PgClusterException">Nobody answered in time, or the answer was no.</exception>
    public async Task<TResponse> CallAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, RequestBudget budget)
        where TRequest : IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>, new()
    {
        while (true)
        {
            if (await TryAsync(method, request, budget).ConfigureAwait(false) is { } response)
            {
                return response;
            }
        }
    }

    /// <summary>Calls one member once. Null when it did not answer: what was asked for may be done or not, and another try is in order.</summary>
    /// <exception cref="PgClusterException">The time is over, or the answer was no.</exception>
    public async Task<TResponse?> TryAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, RequestBudget budget)
        where TRequest : IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>, new()
    {
        var token = await GetTokenAsync(budget).ConfigureAwait(false);
        return await TryAsync(method, request, token, budget).ConfigureAwait(false);
    }

    /// <summary>What a stream is opened with.</summary>
    public async Task<(GrpcCallOptions Call, string? Token)> PrepareStreamAsync(CancellationToken cancellationToken)
    {
        var token = await GetTokenAsync(StartBudget(cancellationToken)).ConfigureAwait(false);
        return (new GrpcCallOptions { Metadata = MetadataFor(token) }, token);
    }

    /// <summary>Makes the next call get a new token, unless somebody else got one already.</summary>
    public void ForgetToken(string? token)
    {
        if (_token == token)
        {
            _token = null;
        }
    }

    /// <summary>The error for a call that nobody answered in time.</summary>
    public async Task<PgClusterException> NoAnswerAsync(RequestBudget budget)
    {
        var answers = await Task.WhenAll(_endpoints.Select(AskAsync)).ConfigureAwait(false);
        var answering = answers.Count(answer => answer.Leader is not null);
        var led = answers.Count(answer => answer.Leader > 0);

        // A majority that knows a leader is slow; members that answer without one have lost their quorum.
        var reason = answering > 0 && led * 2 <= _endpoints.Length ? Reason.NoQuorum : Reason.StoreUnavailable;
        var what = reason == Reason.NoQuorum ? "etcd has no quorum" : "etcd does not answer";
        var doubt = budget.WriteInDoubt ? " Whether the write was done is not known." : "";
        var details = string.Join("; ", answers.Select(answer => answer.Detail));
        return new PgClusterException(
            reason, $"{what} (waited {Options.Timeout.TotalSeconds:0.###} s): {details}.{doubt}", budget.LastFailure)
        {
            Target = EndpointNames,
        };

        async Task<(ulong? Leader, string Detail)> AskAsync(EtcdEndpoint endpoint)
        {
            try
            {
                var status = await endpoint.GetStatusAsync(Options.TryTimeout, budget.Caller).ConfigureAwait(false);
                return (status.Leader, $"{endpoint.Name} {(status.Leader == 0 ? "knows no leader" : "answers and knows a leader")}");
            }
            catch (GrpcException e)
            {
                return (null, $"{endpoint.Name} {EtcdErrors.Describe(e)}");
            }
        }
    }

    /// <summary>The error for an answer that will stay the same.</summary>
    public PgClusterException Refused(GrpcException error, EtcdEndpoint endpoint) =>
        new(EtcdErrors.ReasonOf(error), $"etcd at {endpoint.Name} refused{UserForErrors}: {EtcdErrors.Describe(error)}.", error)
        {
            Target = endpoint.Name,
        };

    /// <summary>The error for a user who may not do that.</summary>
    public PgClusterException Denied(string detail, EtcdEndpoint endpoint) =>
        new(Reason.AccessDenied, $"etcd at {endpoint.Name} refused{UserForErrors}: {detail}.") { Target = endpoint.Name };

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var endpoint in _endpoints)
        {
            endpoint.Dispose();
        }

        _authenticating.Dispose();
    }

    private string UserForErrors => Options.User is { } user ? $" user '{user}'" : "";

    private static IReadOnlyList<KeyValuePair<string, string>> MetadataFor(string? token) =>
        // A member without a leader says so at once, instead of keeping the call for seven seconds.
        string.IsNullOrEmpty(token) ? [RequireLeader] : [RequireLeader, new("token", token)];

    private async Task<TResponse?> TryAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, string? token, RequestBudget budget)
        where TRequest : IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>, new()
    {
        budget.Caller.ThrowIfCancellationRequested();

        // A password is slow to check by design, and each try given up too early makes a busy member check it once more.
        var authenticates = method == (object)EtcdMethods.Authenticate;
        var timeout = budget.NextTry(authenticates ? 4 : 1);
        if (timeout <= TimeSpan.Zero)
        {
            throw await NoAnswerAsync(budget).ConfigureAwait(false);
        }

        var endpoint = Current;
        try
        {
            return await endpoint.Channel.UnaryAsync(
                method, request, new GrpcCallOptions { Timeout = timeout, Metadata = MetadataFor(token) }, budget.Caller).ConfigureAwait(false);
        }
        catch (GrpcException e)
        {
            switch (EtcdErrors.Classify(e, Options.User is not null && !authenticates))
            {
                case EtcdFailure.Token when !budget.TokenRefreshed && Options.User is not null:
                    budget.TokenRefreshed = true;
                    ForgetToken(token);
                    return null;
                case EtcdFailure.Retry:
                    var pause = budget.Failed(e);
                    EtcdLog.TryFailed(Log, method.Name, endpoint.Name, e.StatusCode, e.Detail);
                    if (budget.CertificateRefusals >= _endpoints.Length)
                    {
                        throw Denied(EtcdErrors.Describe(e), endpoint);
                    }

                    MoveAwayFrom(endpoint);
                    if (pause > TimeSpan.Zero)
                    {
                        await Task.Delay(pause, Time, budget.Caller).ConfigureAwait(false);
                    }

                    return null;
                default:
                    throw Refused(e, endpoint);
            }
        }
    }

    private async Task<string?> GetTokenAsync(RequestBudget budget)
    {
        if (Options.User is null || _token is not null)
        {
            return _token;
        }

        await _authenticating.WaitAsync(budget.Caller).ConfigureAwait(false);
        try
        {
            return _token ??= await AuthenticateAsync(budget).ConfigureAwait(false);
        }
        finally
        {
            _authenticating.Release();
        }
    }

    private async Task<string> AuthenticateAsync(RequestBudget budget)
    {
        var request = new AuthenticateRequest { Name = Options.User, Password = Options.Password };
        while (true)
        {
            try
            {
                if (await TryAsync(EtcdMethods.Authenticate, request, token: null, budget).ConfigureAwait(false) is { } response)
                {
                    return response.Token;
                }
            }
            catch (PgClusterException e) when (e.InnerException is GrpcException { StatusCode: GrpcStatusCode.FailedPrecondition })
            {
                // Users are configured here, but etcd does not ask for them (yet): it needs no token.
                EtcdLog.AuthenticationNotEnabled(Log, EndpointNames);
                return "";
            }
            catch (PgClusterException e) when (e.InnerException is GrpcException { StatusCode: GrpcStatusCode.InvalidArgument })
            {
                throw new PgClusterException(Reason.AccessDenied, $"etcd at {e.Target} refused user '{Options.User}' or the password.", e)
                {
                    Target = e.Target,
                };
            }
        }
    }
}
