-- How often sign-in was refused lately: for this name from this address, for this name from anywhere, from this address.
SELECT count(*) FILTER (WHERE r.object = :object AND r.address = :address) AS of_both,
       count(*) FILTER (WHERE r.object = :object) AS of_name,
       count(*) FILTER (WHERE r.address = :address) AS of_address
FROM outbox.access_record r
WHERE r.act = 'sign-in refused' AND r.at > clock_timestamp() - make_interval(secs => :seconds)
