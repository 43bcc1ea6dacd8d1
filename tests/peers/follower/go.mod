module follower

go 1.19
